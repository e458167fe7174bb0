"""Gateways to a fake Stripe whose answers a test decides."""

import pytest

from bookshop.payments.gateway import Gateway
from bookshop.payments.http_client import PooledHTTPClient
from bookshop.settings import StripeSettings
from bookshop.settings.parsers import Secret
from tests.unit.payments.fake_stripe import FakeStripe

SECRET_KEY = "sk_test_Confidential"


@pytest.fixture
def fake_stripe():
    stripe = FakeStripe()
    yield stripe
    stripe.close()


@pytest.fixture
def operations(monkeypatch):
    """A growing list with an entry for each operation, which may consist of several requests."""
    started = []
    operation = PooledHTTPClient.operation

    def counted(client):
        started.append(client)
        return operation(client)

    monkeypatch.setattr(PooledHTTPClient, "operation", counted)
    return started


@pytest.fixture
def make_gateway(fake_stripe, monkeypatch):
    """Creates gateways with given settings; they retry without a delay."""
    monkeypatch.setattr(PooledHTTPClient, "INITIAL_DELAY", 0)
    made = []

    def make(**changes):
        settings = {
            "secret_key": Secret(SECRET_KEY),
            "publishable_key": "pk_test_1",
            "webhook_secrets": (),
            "api_base": fake_stripe.url,
            "js_url": "https://js.stripe.com/endive/stripe.js",
            "timeout": 10.0,
            "max_network_retries": 2,
            "max_concurrency": 4,
        }
        made.append(Gateway(StripeSettings(**{**settings, **changes})))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()
