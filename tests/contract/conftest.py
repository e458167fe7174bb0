"""A sandbox on a free port, a recorder before it, and the rule that every exchange is valid."""

import pytest

from . import exchanges
from .client import Client
from .loopback import Recorder, WebhookReceiver, serving

SECRET_KEY = "sk_test_contract"
PUBLISHABLE_KEY = "pk_test_contract"
WEBHOOK_SECRET = "whsec_contract"


@pytest.fixture(scope="session")
def receiver():
    """The shop's endpoint. All that came in at it must be signed and be events of Stripe's."""
    with serving(WebhookReceiver(WEBHOOK_SECRET)) as running:
        yield running
    found = [finding for event in running.events for finding in exchanges.event_findings(event)]
    assert found == []
    assert running.refused == []


@pytest.fixture(scope="session")
def sandbox(receiver, tmp_path_factory):
    from bookshop.sandbox.server import Options, SandboxServer

    server = SandboxServer(
        Options(
            listen="localhost:0",
            secret_key=SECRET_KEY,
            publishable_key=PUBLISHABLE_KEY,
            webhook_url=f"{receiver.url}/webhooks/stripe",
            webhook_secret=WEBHOOK_SECRET,
            database=tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite",
        )
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def recording(sandbox):
    with serving(Recorder(sandbox.url)) as running:
        yield running


@pytest.fixture
def recorder(recording):
    """What passes the recorder in one test. All that the sandbox took or gave must be Stripe's."""
    recording.taken()
    yield recording
    found = [
        f"{finding}\n    in {exchange}"
        for exchange in recording.taken()
        for finding in exchanges.findings(exchange)
    ]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture
def server_side(recorder):
    """Calls as a shop's server makes them."""
    return Client(recorder.url, SECRET_KEY)


@pytest.fixture
def browser_side(recorder):
    """Calls as Stripe.js makes them."""
    return Client(recorder.url, PUBLISHABLE_KEY)


@pytest.fixture
def controls(sandbox):
    """The sandbox's own pages, which Stripe does not have: unrecorded."""
    return Client(sandbox.url, PUBLISHABLE_KEY)
