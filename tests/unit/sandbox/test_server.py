"""Options, starting and stopping, and the line in a shop's settings."""

import contextlib
import logging
import socket
import sqlite3
import stat
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pyramid.config import Configurator

from bookshop.sandbox import server as server_module
from bookshop.sandbox.options import Options, OptionsError
from bookshop.sandbox.server import SandboxServer
from bookshop.sandbox.store import Store

SETTINGS = {
    "stripe.secret_key": "sk_test_sandbox",
    "stripe.publishable_key": "pk_test_sandbox",
    "stripe.webhook_secrets": "whsec_one whsec_two",
}


@pytest.fixture
def port():
    """A port that was free a moment ago."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return asked.getsockname()[1]


@pytest.fixture
def shop(tmp_path, port, monkeypatch):
    """Make a shop's application with the line; the sandboxes that it started end with the test."""
    started = []
    start = SandboxServer.start

    def noted(server):
        start(server)
        started.append(server)

    monkeypatch.setattr(SandboxServer, "start", noted)

    def make(**changed):
        given = {
            **SETTINGS,
            "bookshop.var": str(tmp_path / "var"),
            "sandbox.listen": f"127.0.0.1:{port}",
            **changed,
        }
        config = Configurator(settings={k: v for k, v in given.items() if v is not None})
        config.include("bookshop.sandbox")
        config.make_wsgi_app()
        return config.registry.settings

    make.started = started
    yield make
    for server in started:
        server.stop()


def test_options_of_a_shop():
    read = Options.from_settings(SETTINGS)

    assert (read.host, read.port) == ("localhost", 6544)
    assert read.webhook_url == "http://localhost:6543/webhooks/stripe"
    assert read.webhook_secret == "whsec_one"
    assert read.database.parts == ("var", "sandbox.sqlite")
    assert read.mail.parts == ("var", "mail")
    assert read.currency is None
    assert "whsec" not in repr(read)
    assert "sk_test" not in repr(read)


def test_options_are_read_from_the_settings(tmp_path):
    read = Options.from_settings(
        {
            **SETTINGS,
            "bookshop.currency": "JPY",
            "bookshop.url": "https://shop.example/",
            "bookshop.var": str(tmp_path),
            "sandbox.listen": "[::1]:7000",
            "sandbox.mail": "letters",
            "sandbox.webhook_url": "",
        }
    )

    assert read.mail.parts == ("letters",)
    shops = Options.from_settings({**SETTINGS, "mail.folder": "outbox", "sandbox.mail": ""})
    assert shops.mail.parts == ("outbox",)
    assert (read.host, read.port, read.webhook_url) == ("::1", 7000, None)
    assert read.database == tmp_path / "sandbox.sqlite"
    assert read.currency == "jpy"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sandbox.listen", "0.0.0.0:6544"),
        ("sandbox.listen", "192.168.1.10:6544"),
        ("sandbox.listen", "shop.example:6544"),
        ("sandbox.listen", "localhost"),
        ("sandbox.listen", "localhost:http"),
        ("sandbox.listen", "localhost:65536"),
        ("sandbox.webhook_url", "localhost:6543/webhooks"),
        ("sandbox.webhook_url", "http://localhost:99999/"),
        ("stripe.webhook_secrets", " "),
        ("stripe.secret_key", ""),
    ],
)
def test_invalid_options_are_refused(key, value):
    with pytest.raises(OptionsError, match=key):
        Options.from_settings({**SETTINGS, key: value})


def test_a_stopped_sandbox_frees_its_port_and_keeps_its_data(start, connect, options, port):
    mine = replace(options, listen=f"localhost:{port}")
    first = start(mine)
    made = connect(first).payment_intents.create(
        {"amount": 500, "currency": "gbp"}, {"idempotency_key": "order-1"}
    )
    first.stop()
    first.stop()

    second = connect(start(mine))

    assert second.payment_intents.retrieve(made.id).amount == 500
    again = second.payment_intents.create(
        {"amount": 500, "currency": "gbp"}, {"idempotency_key": "order-1"}
    )
    assert again.id == made.id


def test_the_sandbox_listens_at_the_configured_address(options, start):
    server = start(replace(options, listen="127.0.0.1:0"))

    assert server.url.startswith("http://127.0.0.1:")
    assert not server.url.endswith(":0")
    assert server_module.is_sandbox_at(server.url, "pk_test_sandbox")
    assert not server_module.is_sandbox_at(server.url, "pk_test_another")


def test_an_occupied_port_is_refused(sandbox, options):
    taken = replace(options, listen=sandbox.url.removeprefix("http://"))

    second = SandboxServer(taken)
    with pytest.raises(server_module.PortTakenError, match=r"sandbox\.listen"):
        second.start()
    second.stop()


@pytest.mark.parametrize("error", [PermissionError(13, "denied"), ValueError("no such host")])
def test_an_unusable_listen_address_is_refused(options, monkeypatch, error):
    def refuse(*args, **how):
        raise error

    monkeypatch.setattr(server_module, "create_server", refuse)

    with pytest.raises(OptionsError, match=r"sandbox\.listen.*(denied|no such host)"):
        SandboxServer(options).start()


@pytest.mark.parametrize("kind", ["text", "another database", "earlier version's", "folder"])
def test_an_unusable_database_file_is_refused(options, kind):
    if kind == "text":
        options.database.write_text("no database, but long enough to be looked at" * 100)
    elif kind == "folder":
        options.database.mkdir()
    elif kind == "another database":
        with contextlib.closing(sqlite3.connect(options.database)) as database:
            database.execute("CREATE TABLE books (title TEXT)")
    else:
        Store(options.database).close()
        with contextlib.closing(sqlite3.connect(options.database)) as database:
            database.execute("PRAGMA user_version = 1")

    with pytest.raises(OptionsError, match=r"sandbox\.database"):
        SandboxServer(options).start()


def test_including_the_sandbox_starts_it_and_points_the_shop_at_it(shop, port):
    settings = shop()

    url = f"http://127.0.0.1:{port}"
    assert settings["stripe.api_base"] == url
    assert settings["stripe.js_url"] == f"{url}/endive/stripe.js"
    assert server_module.is_sandbox_at(url, "pk_test_sandbox")


def test_explicit_stripe_addresses_are_kept(shop):
    settings = shop(**{"stripe.api_base": "http://localhost:1", "stripe.js_url": "/my.js"})

    assert settings["stripe.api_base"] == "http://localhost:1"
    assert settings["stripe.js_url"] == "/my.js"


def test_a_second_process_uses_the_sandbox_that_runs(shop, caplog):
    caplog.set_level(logging.INFO)
    shop()
    shop()

    assert len(shop.started) == 1
    assert [each.message for each in caplog.records].count("sandbox_reused") == 1


@pytest.mark.parametrize("answer", [b"{}", b"hello", b'{"sandbox": "bookshop"}'])
def test_another_program_at_the_port_stops_the_shop(shop, capsys, port, answer):
    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            """Stay silent."""

    other = HTTPServer(("127.0.0.1", port), Other)
    thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with pytest.raises(SystemExit) as ended:
            shop()
    finally:
        other.shutdown()
        thread.join()
        other.server_close()

    assert ended.value.code == 2
    assert "sandbox.listen = localhost:6545" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"sandbox.listen": "0.0.0.0:6544"}, "sandbox.listen"),
        ({"sandbox.listen": "localhost:0"}, "sandbox.listen = localhost:6544"),
        ({"stripe.secret_key": None}, "stripe.secret_key"),
        ({"sandbox.database": "/dev/null/sandbox.sqlite"}, "sandbox.database"),
    ],
)
def test_wrong_settings_stop_the_shop(shop, capsys, changed, problem):
    with pytest.raises(SystemExit) as ended:
        shop(**changed)

    assert ended.value.code == 2
    assert problem in capsys.readouterr().err


def test_the_database_can_be_read_by_its_owner_only(tmp_path):
    file = tmp_path / "var" / "sandbox.sqlite"
    store = Store(file)
    store.save({"id": "pi_1", "object": "payment_intent"})
    names = [each.name for each in file.parent.iterdir()]
    modes = {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
    store.close()
    assert "sandbox.sqlite-wal" in names
    assert modes == {0o600}
