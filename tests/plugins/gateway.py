"""A gateway to a Stripe that does what a test says."""

import pytest

from bookshop.payments.gateway import Gateway
from bookshop.payments.http_client import PooledHTTPClient
from bookshop.settings import StripeSettings
from bookshop.settings.parsers import Secret
from tests.unit.payments.counterpart import Counterpart

SECRET_KEY = "sk_test_Confidential"


@pytest.fixture
def counterpart():
    stripe = Counterpart()
    yield stripe
    stripe.close()


@pytest.fixture
def visits(monkeypatch):
    """A growing list with an entry for each visit to Stripe, whatever is asked in it."""
    seen = []
    visit = PooledHTTPClient.visit

    def counted(client):
        seen.append(client)
        return visit(client)

    monkeypatch.setattr(PooledHTTPClient, "visit", counted)
    return seen


@pytest.fixture
def make_gateway(counterpart, monkeypatch):
    """Gateways with the settings that a test asks for; they repeat without waiting first."""
    monkeypatch.setattr(PooledHTTPClient, "INITIAL_DELAY", 0)
    made = []

    def make(**changes):
        settings = {
            "secret_key": Secret(SECRET_KEY),
            "publishable_key": "pk_test_1",
            "webhook_secrets": (),
            "api_base": counterpart.url,
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
