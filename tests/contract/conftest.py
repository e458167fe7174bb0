"""A sandbox on a free port, a recorder before it, and the rule that every exchange is valid."""

import pytest

import bookshop
from bookshop.sandbox.options import Options
from bookshop.sandbox.server import SandboxServer
from tests.shops import Shop, ini

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
    recording.clear()
    yield recording
    found = [
        f"{finding}\n    in {exchange}"
        for exchange in recording.exchanges
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


@pytest.fixture(scope="session")
def filled_database(tmp_path_factory):
    """A shop's database at head, with the demo catalogue."""
    var = tmp_path_factory.mktemp("template")
    bookshop.main({}, **ini(var, "http://localhost:1")).registry.services.engine.dispose()
    return var / "shop.sqlite"


@pytest.fixture
def open_shop(tmp_path, filled_database, recorder):
    """Shops that reach Stripe through the recorder, each with the settings that a test asks for."""
    opened = []

    def open_one(**changes):
        keys = {
            "stripe__secret_key": SECRET_KEY,
            "stripe__publishable_key": PUBLISHABLE_KEY,
            "stripe__webhook_secrets": WEBHOOK_SECRET,
        }
        shop = Shop(
            tmp_path / f"var{len(opened)}", filled_database, recorder.url, **keys, **changes
        )
        opened.append(shop)
        return shop

    yield open_one
    for shop in opened:
        shop.close()
