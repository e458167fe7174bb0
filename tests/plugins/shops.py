"""Fixtures of a whole shop: its real database, and the sandbox over real HTTP."""

from functools import partial

import pytest

import bookshop
from tests.plugins.postgres import WITH_DEMO
from tests.shops import Controls, Served, Shop, ini, start_sandbox


@pytest.fixture(scope="session")
def sandbox_server(tmp_path_factory):

    server = start_sandbox(tmp_path_factory.mktemp("sandbox"))
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
    app.registry.job_worker.stop()
    app.registry.mail_worker.stop()
    app.registry.services.engine.dispose()
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
def postgres_url(postgres):
    """A PostgreSQL database with the demo catalogue; the shops of a test share it."""
    url = postgres.create(template=WITH_DEMO)
    yield url.render_as_string(hide_password=False)
    postgres.drop(url.database)


@pytest.fixture(params=["sqlite", "postgresql"])
def make_each_shop(request):
    """The same as make_shop, on SQLite and on PostgreSQL."""
    changes = {}
    if request.param == "postgresql":
        changes["sqlalchemy__url"] = request.getfixturevalue("postgres_url")
    return partial(request.getfixturevalue("make_shop"), **changes)


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


@pytest.fixture
def delivering(make_shop, sandbox, serve):
    """A shop at `shop.url` that the sandbox tells of all that happens, over HTTP."""
    shop = None
    url = serve(lambda environ, start: shop.wsgi(environ, start))  # noqa: PLW0108 - shop is None yet
    endpoint = sandbox.api(
        "POST",
        "/v1/webhook_endpoints",
        {
            "url": f"{url}/webhooks/stripe",
            "enabled_events[]": "*",
            "api_version": "2026-10-28.endive",
        },
    )
    shop = make_shop(bookshop__url=url, stripe__webhook_secrets=endpoint["secret"])
    shop.url = url
    yield shop
    sandbox.api("DELETE", f"/v1/webhook_endpoints/{endpoint['id']}")
    sandbox.clear()
    sandbox.until_delivered()
