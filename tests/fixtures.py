"""Fixtures of a whole shop: its real database, and the sandbox over real HTTP."""

import pytest

import bookshop
from tests.shops import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, Controls, Served, Shop, ini


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory):
    from bookshop.sandbox.options import Options
    from bookshop.sandbox.server import SandboxServer

    server = SandboxServer(
        Options(
            listen="localhost:0",
            secret_key=SECRET_KEY,
            publishable_key=PUBLISHABLE_KEY,
            webhook_url=None,
            webhook_secret=WEBHOOK_SECRET,
            database=tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite",
        )
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sandbox(sandbox_server):
    """Stripe, as far as a test is concerned; its faults end with the test."""
    controls = Controls(sandbox_server.url)
    yield controls
    controls.clear()


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A database at head, with the demo catalogue."""
    var = tmp_path_factory.mktemp("template")
    app = bookshop.main({}, **ini(var, "http://localhost:1"))
    app.registry.engine.dispose()
    return var / "shop.sqlite"


@pytest.fixture
def make_shop(tmp_path, template, sandbox):
    """Shops with the settings that a test asks for."""
    made = []

    def make(name="var", **changes):
        shop = Shop(tmp_path / name, template, changes.pop("api_base", sandbox.url), **changes)
        made.append(shop)
        return shop

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def shop(make_shop):
    return make_shop()


@pytest.fixture
def serve():
    """Puts an application behind a real server; its address."""
    running = []

    def start(wsgi, **options):
        running.append(Served(wsgi, **options))
        return running[-1].url

    yield start
    for server in running:
        server.close()
