"""`bookshop check`: every fault that was planted is found, at its line, and nothing else is."""

import json
import re
import shutil
import ssl
import threading
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from types import SimpleNamespace

import pytest
import trustme
import urllib3
from click.testing import CliRunner
from sqlalchemy import update
from webtest import TestApp

import bookshop
from bookshop import clock
from bookshop.cli import main
from bookshop.mail.models import MailRecord
from bookshop.ops.check import stripe, web
from bookshop.payments.account import EVENT_TYPES, Endpoint, endpoints_at
from bookshop.payments.errors import NotPermittedError, StripeUnavailableError
from bookshop.payments.gateway import Gateway
from bookshop.sandbox.objects import account
from bookshop.webhooks.handlers import CONCERNING
from tests.functional.test_checkout import BUY, press_pay
from tests.plugins.mail_server import MailServer
from tests.shops import PUBLISHABLE_KEY, SECRET_KEY, intent_of

INI = """\
[app:main]
use = egg:bookshop
bookshop.environment = staging
bookshop.name = The Test Shelf
bookshop.url = {url}
bookshop.locale = en_GB
bookshop.currency = GBP
bookshop.email = hello@shelf.example
bookshop.secret = 0123456789abcdef0123456789abcdef
bookshop.var = {var}
sqlalchemy.url = sqlite:///{var}/shop.sqlite
stripe.secret_key = {secret_key}
stripe.publishable_key = {publishable_key}
stripe.webhook_secrets_file = {var}/webhook
stripe.api_base = {stripe}
stripe.js_url = {stripe}/endive/stripe.js
stripe.max_concurrency = 12
mail.host = 127.0.0.1
mail.port = {mail}
mail.security = none
limits.storage = database

[server:main]
use = egg:bookshop
listen = 127.0.0.1:6543
threads = 16
trusted_proxy = 127.0.0.1
trusted_proxy_headers = x-forwarded-for x-forwarded-proto
"""


def says(status, body):
    """An application that always says the same."""

    def app(_environ, start):
        start(status, [])
        return [body]

    return app


class Place:
    """A shop on its server, in good order, and ways to plant a fault in it."""

    def __init__(self, folder, template, sandbox, serve, mail_server):
        self.var, self.ini, self.sandbox = folder / "var", folder / "shop.ini", sandbox
        self.var.mkdir()
        self.database = self.var / "shop.sqlite"
        shutil.copy(template, self.database)
        self.database.chmod(0o600)
        self.mail = mail_server
        self.answer = says("503 Not Yet", b"")
        self.url = serve(self.serve)
        self.secret = self.var / "webhook"
        self.ini.write_text(
            INI.format(
                url=self.url,
                var=self.var,
                stripe=sandbox.url,
                secret_key=SECRET_KEY,
                publishable_key=PUBLISHABLE_KEY,
                mail=mail_server.port,
            )
        )
        self.ini.chmod(0o600)
        self.secret.write_text("whsec_first")
        self.secret.chmod(0o600)
        self.endpoint = self.register()
        config = bookshop.configure(self.section())
        self.registry = config.registry
        self.answer = self.app = config.make_wsgi_app()
        self.registry.job_worker.stop()
        self.registry.mail_worker.stop()

    def serve(self, environ, start):
        return self.answer(environ, start)

    def section(self):
        found = re.findall(r"(?m)^([a-z_.]+) = (.*)$", self.ini.read_text().partition("[server")[0])
        return dict(found[1:])

    def run(self, *words, **options):
        return CliRunner().invoke(main, ["--config", str(self.ini), *words], **options)

    def register(self):
        gateway = Gateway(bookshop.settings.read(self.section()).stripe)
        endpoint, secret = gateway.create_endpoint(f"{self.url}/webhooks/stripe")
        gateway.save_fingerprints(endpoint.id, [secret])
        self.secret.write_text(secret.reveal())
        return endpoint.id

    def write(self, key, value):
        """Have a line say something else; None takes it out, and a new key stands first."""
        text = self.ini.read_text()
        line = re.compile(rf"(?m)^{re.escape(key)} = .*\n")
        new = "" if value is None else f"{key} = {value}\n"
        if line.search(text):
            text = line.sub(lambda _found: new, text, count=1)
        else:
            text = text.replace("use = egg:bookshop\n", f"use = egg:bookshop\n{new}", 1)
        self.ini.write_text(text)

    def write_server(self, key, value):
        app, header, server = self.ini.read_text().partition("[server:main]\n")
        server = re.sub(rf"(?m)^{key} = .*\n", "", server)
        new = "" if value is None else f"{key} = {value}\n"
        self.ini.write_text(f"{app}{header}{server}{new}")

    def line(self, key):
        lines = self.ini.read_text().splitlines()
        for start in (f"{key} =", f"{key}_file =", "[app:main]"):
            for number, line in enumerate(lines, 1):
                # The shop's own server stands below; `use` is said in both.
                if line.startswith(start) and (key != "use" or "[server:main]" in lines[:number]):
                    return number
        raise AssertionError(key)

    def sql(self, statement):
        with self.registry.services.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def hook(self, **params):
        self.sandbox.api("POST", f"/v1/webhook_endpoints/{self.endpoint}", params)


@pytest.fixture
def mail_server():
    server = MailServer()
    yield server
    server.close()


@pytest.fixture
def place(tmp_path, template, sandbox, serve, mail_server, monkeypatch):
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    found = Place(tmp_path, template, sandbox, serve, mail_server)
    yield found
    for each in sandbox.api("GET", "/v1/webhook_endpoints", {"limit": 100})["data"]:
        sandbox.api("DELETE", f"/v1/webhook_endpoints/{each['id']}")
    found.registry.services.engine.dispose()


def found_by(place, *words):
    result = place.run("check", "--json", *words)
    assert result.stdout, result.output
    return json.loads(result.stdout)["findings"], result.exit_code


def fail_to_deliver(place, monkeypatch):
    place.answer = says("500 No", b"")
    page = TestApp(place.app).get(BUY)
    place.sandbox.api("POST", f"/v1/payment_intents/{intent_of(page)}/cancel")
    place.sandbox.until_delivered()
    place.answer = place.app
    monkeypatch.setattr(stripe, "PATIENCE", -timedelta(minutes=1))


def a_mail_that_waits(place, _monkeypatch):
    visitor = TestApp(place.app)
    page = visitor.get(BUY)
    press_pay(visitor, page)
    place.sandbox.confirm(intent_of(page))
    visitor.get(f"/success?pi={intent_of(page)}")
    with place.registry.services.sessions.begin() as session:
        session.execute(update(MailRecord).values(written_at=clock.now() - timedelta(hours=2)))


def setting(key, value):
    return lambda place, _monkeypatch: place.write(key, value)


def server(key, value):
    return lambda place, _monkeypatch: place.write_server(key, value)


def of_account(key, value):
    return lambda _place, monkeypatch: monkeypatch.setitem(account.ACCOUNT, key, value)


def environment(name, value):
    return lambda _place, monkeypatch: monkeypatch.setenv(name, value)


def refuses(method):
    """Stripe does not let a restricted key do this."""

    def no(self, *_arguments):
        raise NotPermittedError("status=403")

    return lambda _place, monkeypatch: monkeypatch.setattr(Gateway, method, no)


def does(action):
    return lambda place, _monkeypatch: action(place)


FAULTS = {
    "no name": ("error", "bookshop.name", setting("bookshop.name", "")),
    "a key nobody knows": ("error", "bookshop.nmae", setting("bookshop.nmae", "x")),
    "no address": ("error", "bookshop.url", setting("bookshop.url", "shelf.example")),
    "no currency": ("error", "bookshop.currency", setting("bookshop.currency", "POUND")),
    "no locale": ("error", "bookshop.locale", setting("bookshop.locale", "xx_YY")),
    "no e-mail": ("error", "bookshop.email", setting("bookshop.email", "nobody")),
    "a short secret": ("error", "bookshop.secret", setting("bookshop.secret", "short")),
    "a variable that is not set": (
        "error",
        "bookshop.secret",
        setting("bookshop.secret", "${NOT_SET_AT_ALL}"),
    ),
    "keys of two modes": (
        "error",
        "stripe.publishable_key",
        setting("stripe.publishable_key", "pk_live_x"),
    ),
    "a live key on staging": (
        "error",
        "stripe.secret_key",
        setting("stripe.secret_key", "sk_live_x"),
    ),
    "a stand-in in production": (
        "error",
        "stripe.api_base",
        setting("bookshop.environment", "production"),
    ),
    "a webhook secret that is none": (
        "error",
        "stripe.webhook_secrets",
        does(lambda place: place.secret.write_text("secret")),
    ),
    "a secret file that is not there": (
        "error",
        "stripe.webhook_secrets",
        does(lambda place: place.secret.unlink()),
    ),
    "no time-out": ("error", "stripe.timeout", setting("stripe.timeout", "0")),
    "a limit that is none": ("error", "limits.payments", setting("limits.payments", "few")),
    "a theme that is not there": ("error", "bookshop.theme", setting("bookshop.theme", "/none")),
    "a database that does not answer": (
        "error",
        "sqlalchemy.url",
        setting("sqlalchemy.url", "postgresql+psycopg://nobody@127.0.0.1:1/none"),
    ),
    "a database of another version": (
        "error",
        "sqlalchemy.url",
        does(lambda place: place.sql("UPDATE alembic_version SET version_num = '0001'")),
    ),
    "listings of another currency": (
        "error",
        "sqlalchemy.url",
        setting("bookshop.currency", "EUR"),
    ),
    "a database for all to read": (
        "warning",
        "sqlalchemy.url",
        does(lambda place: place.database.chmod(0o644)),
    ),
    "a database that cannot be written to": (
        "error",
        "sqlalchemy.url",
        lambda place, monkeypatch: monkeypatch.setattr(
            "bookshop.ops.check.database.os.access", lambda file, _how: file != place.database
        ),
    ),
    "a migration that was killed": (
        "warning",
        "sqlalchemy.url",
        does(lambda place: place.registry.services.read_only.begin(clock.now())),
    ),
    "a shop that was left read only": (
        "warning",
        "bookshop.var",
        does(lambda place: (place.var / "read-only").touch()),
    ),
    "no room for a backup": (
        "warning",
        "sqlalchemy.url",
        lambda _place, monkeypatch: monkeypatch.setattr(
            "bookshop.ops.check.database.shutil.disk_usage", lambda _path: _Usage
        ),
    ),
    "a full disk": (
        "warning",
        "bookshop.var",
        lambda _place, monkeypatch: monkeypatch.setattr(
            "bookshop.ops.check.files.MIN_FREE_BYTES", 2**80
        ),
    ),
    "a folder that cannot be written to": (
        "error",
        "bookshop.var",
        setting("bookshop.var", "/proc"),
    ),
    "a mail folder that cannot be written to": (
        "error",
        "mail.folder",
        lambda place, _: (place.write("mail.host", None), place.write("mail.folder", "/proc/mail")),
    ),
    "a shop that was left closed": (
        "warning",
        "bookshop.var",
        does(lambda place: (place.var / "maintenance").touch()),
    ),
    "a secret for all to read": (
        "warning",
        "stripe.webhook_secrets",
        does(lambda place: place.secret.chmod(0o604)),
    ),
    "an INI with secrets for all to read": (
        "warning",
        "bookshop.secret",
        does(lambda place: place.ini.chmod(0o644)),
    ),
    "Stripe that does not answer": (
        "error",
        "stripe.api_base",
        setting("stripe.api_base", "http://127.0.0.1:1"),
    ),
    "a key that Stripe does not know": (
        "error",
        "stripe.secret_key",
        setting("stripe.secret_key", "sk_test_another"),
    ),
    "an account that may take no money": (
        "error",
        "stripe.secret_key",
        of_account("charges_enabled", False),
    ),
    "an account of another currency": (
        "warning",
        "bookshop.currency",
        of_account("default_currency", "usd"),
    ),
    "no endpoint": (
        "error",
        "bookshop.url",
        does(lambda place: place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")),
    ),
    "two endpoints": ("warning", "stripe.webhook_secrets", does(lambda place: place.register())),
    "an endpoint that is off": (
        "error",
        "stripe.webhook_secrets",
        does(lambda place: place.hook(disabled="true")),
    ),
    "an endpoint that is not told all": (
        "error",
        "stripe.webhook_secrets",
        does(lambda place: place.hook(**{"enabled_events[]": "payment_intent.succeeded"})),
    ),
    "an endpoint of another version": (
        "warning",
        "stripe.webhook_secrets",
        lambda _place, monkeypatch: monkeypatch.setattr(stripe, "API_VERSION", "2030-01-01.fern"),
    ),
    "an endpoint that somebody else made": (
        "warning",
        "stripe.webhook_secrets",
        does(lambda place: place.hook(**{"metadata[bookshop_secret]": ""})),
    ),
    "an account that may not be read": ("warning", "stripe.secret_key", refuses("retrieve_account")),
    "endpoints that may not be read": ("warning", "stripe.secret_key", refuses("list_endpoints")),
    "events that may not be read": ("warning", "stripe.secret_key", refuses("undelivered_events")),
    "the secret of another endpoint": (
        "error",
        "stripe.webhook_secrets",
        does(lambda place: place.secret.write_text("whsec_of_another")),
    ),
    "deliveries that fail": ("warning", "stripe.webhook_secrets", fail_to_deliver),
    "a clock that is slow": (
        "warning",
        "clock",
        lambda _place, monkeypatch: slow(monkeypatch, timedelta(seconds=60)),
    ),
    "a clock that is wrong": (
        "error",
        "clock",
        lambda _place, monkeypatch: slow(monkeypatch, timedelta(minutes=6)),
    ),
    "no mail server": ("error", "mail.host", setting("mail.port", "1")),
    "a mail server without TLS": ("error", "mail.security", setting("mail.security", "starttls")),
    "a mail server that asks who it is": (
        "error",
        "mail.password",
        lambda place, _: (
            place.write("mail.username", "shop"),
            place.write("mail.password", "wrong"),
        ),
    ),
    "mail that waits": ("warning", "mail.host", a_mail_that_waits),
    "nobody at the address": (
        "warning",
        "bookshop.url",
        setting("bookshop.url", "http://127.0.0.1:1"),
    ),
    "another at the address": (
        "error",
        "bookshop.url",
        does(lambda place: setattr(place, "answer", says("200 OK", b"hi"))),
    ),
    "too few threads": ("error", "threads", server("threads", "12")),
    "threads that are no number": ("error", "threads", server("threads", "many")),
    "everybody is the proxy": ("error", "trusted_proxy", server("trusted_proxy", "*")),
    "a proxy that says nothing": (
        "warning",
        "trusted_proxy_headers",
        server("trusted_proxy_headers", "x-forwarded-proto"),
    ),
    "strangers are believed": (
        "error",
        "clear_untrusted_proxy_headers",
        server("clear_untrusted_proxy_headers", "false"),
    ),
    "tracebacks for all": ("error", "expose_tracebacks", server("expose_tracebacks", "true")),
    "a way around the proxy": ("warning", "listen", server("listen", "0.0.0.0:6543")),
    "all the network's addresses": (
        "warning",
        "host",
        lambda place, _: (place.write_server("listen", None), place.write_server("host", "::")),
    ),
    "another server": ("warning", "use", server("use", "egg:waitress#main")),
    "limits of one process": ("warning", "limits.storage", setting("limits.storage", "memory")),
    "debugging": (
        "warning",
        "pyramid.debug_notfound",
        setting("pyramid.debug_notfound", "t"),
    ),
    "debugging by the environment": (
        "warning",
        "pyramid.debug_all",
        environment("PYRAMID_DEBUG_ALL", "1"),
    ),
    "a package that is not installed": (
        "error",
        "pyramid.includes",
        setting("pyramid.includes", "no_such_package"),
    ),
}


class _Usage:
    free = 1000


def slow(monkeypatch, by):
    before = clock.now
    monkeypatch.setattr(clock, "now", lambda: before() - by)


def test_a_shop_in_good_order_has_no_finding(place):
    assert found_by(place) == ([], 0)
    assert place.run("check").stdout == "Everything is fine.\n"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_where_it_stands(place, monkeypatch, name):
    severity, key, plant = FAULTS[name]
    plant(place, monkeypatch)

    findings, exit_code = found_by(place)

    told = [(each["severity"], each["key"]) for each in findings]
    assert (severity, key) in told
    found = findings[told.index((severity, key))]
    assert exit_code in {1, 2}
    assert (found["file"], found["line"]) == (str(place.ini), place.line(key))
    assert found["problem"]
    assert found["fix"]
    assert found["why"]


def test_a_fault_hides_no_other(place, monkeypatch):
    planted = ["an account that may take no money", "no mail server", "too few threads"]
    for name in planted:
        FAULTS[name][2](place, monkeypatch)
    findings, exit_code = found_by(place)
    assert {FAULTS[name][1] for name in planted} <= {each["key"] for each in findings}
    assert exit_code == 1
    said = place.run("check").stdout
    assert all(each["fix"] in said for each in findings)
    assert f"{len(findings)} things are to be mended." in said


def test_a_look_that_fails_hides_no_other(place, monkeypatch):
    def fails(_registry):
        yield from ()
        raise RuntimeError("sk_live_of_a_customer")

    monkeypatch.setattr("bookshop.ops.check.mail.run_checks", fails)
    FAULTS["too few threads"][2](place, monkeypatch)
    findings, _code = found_by(place)
    assert [each["key"] for each in findings] == ["threads", "mail.host"]
    assert "cannot be looked at (RuntimeError)" in findings[1]["problem"]
    assert "sk_live" not in str(findings)


def test_wrong_settings_hide_no_fault_of_the_server(place, monkeypatch):
    for name in ("no name", "everybody is the proxy", "threads that are no number"):
        FAULTS[name][2](place, monkeypatch)
    findings, exit_code = found_by(place)
    assert exit_code == 2
    assert {each["key"] for each in findings} == {"bookshop.name", "threads", "trusted_proxy"}


def test_what_one_key_may_not_read_hides_nothing_else(place, monkeypatch):
    refuses("retrieve_account")(place, monkeypatch)
    place.hook(disabled="true")
    findings, _code = found_by(place)
    keys = [(each["severity"], each["key"]) for each in findings]
    assert keys == [("error", "stripe.webhook_secrets"), ("warning", "stripe.secret_key")]


def test_a_second_endpoint_that_is_off_matters_not(place):
    secret = place.secret.read_text()
    second = place.register()
    place.secret.write_text(secret)
    place.sandbox.api("POST", f"/v1/webhook_endpoints/{second}", {"disabled": "true"})
    assert found_by(place) == ([], 0)
    assert "was right already" in place.run("webhooks", "register").stdout
    (of_second,) = [each for each in endpoints(place.sandbox) if each["id"] == second]
    assert of_second["status"] == "disabled"


def test_of_two_endpoints_that_are_on_ours_is_looked_at(place):
    secret = place.secret.read_text()
    place.register()
    place.secret.write_text(secret)
    findings, _code = found_by(place)
    assert ["more than once" in each["problem"] for each in findings] == [True]


def test_an_event_of_no_interest_to_the_shop_is_not_missed(place, serve):
    def missed():
        now = clock.now()
        found = place.registry.services.payments.undelivered_events(
            now - timedelta(days=1), now + timedelta(days=1)
        )
        return found.count if found else 0

    before, kind = missed(), "payment_intent.created"
    other = {"url": serve(says("500 No", b"")), "enabled_events[]": kind}
    place.sandbox.api("POST", "/v1/webhook_endpoints", other)
    TestApp(place.app).get(BUY)
    place.sandbox.until_delivered()
    query = {"delivery_success": "false", "type": kind}
    assert place.sandbox.api("GET", "/v1/events", query)["data"]
    assert missed() == before


def test_a_group_may_read_secrets(place):
    for file in (place.secret, place.database, place.ini):
        file.chmod(0o640)
    assert found_by(place) == ([], 0)


def test_a_default_of_the_file_is_found_where_it_stands(place):
    place.write("limits.storage", None)
    place.ini.write_text(f"[DEFAULT]\nlimits.storage = memory\n\n{place.ini.read_text()}")
    (found,) = found_by(place)[0]
    assert (found["key"], found["line"]) == ("limits.storage", 2)


def test_errors_stand_before_warnings(place, monkeypatch):
    for name in ("limits of one process", "too few threads"):
        FAULTS[name][2](place, monkeypatch)
    findings, _code = found_by(place)
    assert [each["severity"] for each in findings] == ["error", "warning"]


def test_offline_nobody_is_asked(place):
    place.write("stripe.api_base", "http://127.0.0.1:1")
    place.write("mail.port", "1")
    assert found_by(place, "--offline") == ([], 0)


def test_no_secret_is_told(place, monkeypatch):
    for name in ("the secret of another endpoint", "a mail server that asks who it is"):
        FAULTS[name][2](place, monkeypatch)
    said = place.run("check").output + place.run("check", "--json").output
    for secret in (SECRET_KEY, "whsec_of_another", "wrong", "0123456789abcdef"):
        assert secret not in said


@pytest.mark.parametrize("name", ["", "#main", "#shelf"])
def test_what_is_inherited_is_found_where_it_stands(place, name):
    own = place.ini.with_name("own.ini")
    place.write("limits.storage", "memory")
    sections = ("[app:main]", "[server:main]")
    own.write_text("".join(f"{each}\nuse = config:shop.ini{name}\n" for each in sections))
    called = name.strip("#") or "main"
    place.ini.write_text(place.ini.read_text().replace(":main]", f":{called}]"))
    result = CliRunner().invoke(main, ["--config", str(own), "check", "--json"])
    (found,) = json.loads(result.stdout)["findings"]
    assert (found["file"], found["line"]) == (str(place.ini), place.line("limits.storage"))


# --- over https


class _Front(BaseHTTPRequestHandler):
    def do_GET(self):
        status, kind, body = self.server.pages.get(self.path, (404, "text/plain", b"nobody"))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_said):
        pass


@pytest.fixture
def front():
    """A shop's front that ends TLS: its settings, and a pool that trusts it."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Front)
    server.pages = {
        web.LIVE: (200, "text/plain", b"alive\n"),
        web.STYLES: (200, web.CSS, b"body {}"),
    }
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    server.shop = SimpleNamespace(url=f"https://localhost:{server.server_port}")
    server.pool = partial(urllib3.PoolManager, timeout=5, retries=False, ssl_context=trusting)
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_front_with_a_good_certificate_is_fine(front):
    assert list(web.run_checks(front.shop, pool=front.pool())) == []


def test_a_certificate_that_nobody_knows_is_found(front):
    (found,) = web.run_checks(front.shop)
    assert found.severity == "error"
    assert "cannot be trusted" in found.problem


def test_a_front_without_a_shop_behind_it_is_found(front):
    front.pages.clear()
    (found,) = web.run_checks(front.shop, pool=front.pool())
    assert "not answered by a shop (status 404)" in found.problem


@pytest.mark.parametrize("served", [(404, "text/html", b""), (200, "text/html", b"<p>Hello")])
def test_a_front_that_keeps_files_to_itself_is_found(front, served):
    front.pages[web.STYLES] = served
    (found,) = web.run_checks(front.shop, pool=front.pool())
    assert found.severity == "error"
    assert "is not the shop's style sheet" in found.problem


def test_an_address_that_stays_in_the_open_is_found(front, serve, monkeypatch):
    plain = serve(says("200 OK", b"hello"))
    monkeypatch.setattr(web, "_as_plain", lambda _url: plain)
    (found,) = web.run_checks(front.shop, pool=front.pool())
    assert found.severity == "warning"
    assert f"does not lead to {front.shop.url}" in found.problem


def test_an_address_that_leads_elsewhere_is_found(front, serve, monkeypatch):
    elsewhere = [("Location", "https://other.example/")]

    def away(_environ, start):
        start("301 Moved", elsewhere)
        return [b""]

    plain = serve(away)
    monkeypatch.setattr(web, "_as_plain", lambda _url: plain)
    (found,) = web.run_checks(front.shop, pool=front.pool())
    assert "but to https://other.example/" in found.problem


# --- bookshop webhooks


def endpoints(sandbox):
    return sandbox.api("GET", "/v1/webhook_endpoints", {"limit": 100})["data"]


def test_the_endpoint_is_made_once_and_its_secret_shown_once(place):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")
    said = place.run("webhooks", "register").stdout
    secret = re.search(r"stripe\.webhook_secrets = (whsec_\w+)", said)[1]
    again = place.run("webhooks", "register")
    assert "was right already" in again.stdout
    assert "whsec_" not in again.stdout
    place.secret.write_text(secret)
    assert found_by(place) == ([], 0)


def test_the_secret_may_go_into_a_file(place):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")
    place.secret.write_text("whsec_first")
    file = place.var / "new secret"
    said = place.run("webhooks", "register", "--secret-file", str(file)).stdout
    assert "whsec_" not in said
    assert f"stripe.webhook_secrets_file = {file}" in said
    assert file.stat().st_mode & 0o777 == 0o600
    place.secret.write_text(file.read_text())
    assert found_by(place) == ([], 0)


def test_an_empty_file_for_all_to_read_is_closed_before_it_holds_the_secret(place, monkeypatch):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")
    file, seen = place.var / "new", []
    file.touch()
    file.chmod(0o644)
    create = Gateway.create_endpoint

    def look(*arguments):
        seen.append(file.stat().st_mode & 0o777)
        return create(*arguments)

    monkeypatch.setattr(Gateway, "create_endpoint", look)
    place.run("webhooks", "register", "--secret-file", str(file))
    assert seen == [0o600]
    assert file.read_text().startswith("whsec_")


def test_a_file_that_cannot_be_made_is_told_before_an_endpoint_is(place):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")
    refused = place.run("webhooks", "register", "--secret-file", f"{place.var}/none/such")
    assert refused.exit_code == 1
    assert "Nothing was changed" in refused.output
    assert place.url not in str(endpoints(place.sandbox))


def test_a_secret_that_does_not_fit_on_the_disk_is_shown(place):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")
    done = place.run("webhooks", "register", "--secret-file", "/dev/full")
    secret = re.search(r"stripe\.webhook_secrets = (whsec_\w+)", done.output)[1]
    assert "No space left" in done.output
    place.secret.write_text(secret)
    assert found_by(place) == ([], 0)


def test_the_secret_is_handed_over_even_if_stripe_fails_then(place, monkeypatch):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")

    def fails(*_arguments):
        raise StripeUnavailableError("status=500")

    with monkeypatch.context() as patched:
        patched.setattr(Gateway, "save_fingerprints", fails)
        done = place.run("webhooks", "register", "--secret-file", f"{place.var}/new")
    assert done.exit_code == 0, done.output
    assert "run this again" in done.output
    place.secret.write_text((place.var / "new").read_text())
    assert [each["severity"] for each in found_by(place)[0]] == ["warning"]
    place.run("webhooks", "register", input="y\n")
    assert found_by(place) == ([], 0)


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nobody_but_a_person_says_that_a_secret_is_the_right_one(place, answer):
    place.secret.write_text("whsec_rolled")
    done = place.run("webhooks", "register", input=answer)
    assert done.exit_code == 0, done.output
    assert [each["severity"] for each in found_by(place)[0]] == ["error"]


def test_a_secret_that_was_rolled_is_ours_once_somebody_says_so(place):
    place.secret.write_text("whsec_rolled")
    assert "Is it the same?" in place.run("webhooks", "register", input="y\n").output
    assert found_by(place) == ([], 0)


def test_without_a_secret_the_endpoint_that_is_there_says_where_it_is(place):
    place.secret.unlink()
    done = place.run("webhooks", "register")
    assert "Developers, Webhooks" in done.output
    assert "Is it the same?" not in done.output


def test_an_endpoint_of_another_version_is_not_said_to_be_right(place, monkeypatch):
    monkeypatch.setattr(
        import_module("bookshop.cli.stripe.webhooks"), "API_VERSION", "2030-01-01.fern"
    )
    assert "2030-01-01.fern is wanted" in place.run("webhooks", "register").output


def test_addresses_that_differ_in_their_paths_are_two():
    def endpoint(url):
        return Endpoint("we_1", url, True, frozenset(), None, frozenset())

    same = [endpoint("https://Shop.Example/webhooks/stripe/")]
    others = [endpoint("https://shop.example/Webhooks/stripe"), endpoint("http://shop.example/")]
    assert endpoints_at("https://shop.example/webhooks/stripe", same + others, []) == same


@pytest.mark.parametrize("before", [None, ""])
def test_whoever_has_no_secret_yet_gets_one(place, before):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")
    if before is None:
        place.secret.unlink()
    else:
        place.secret.write_text(before)
    done = place.run("webhooks", "register", "--secret-file", str(place.secret))
    assert done.exit_code == 0, done.output
    assert found_by(place) == ([], 0)


def test_with_other_settings_wrong_nothing_is_registered(place):
    place.secret.unlink()
    place.write("bookshop.name", "")
    refused = place.run("webhooks", "register")
    assert refused.exit_code == 2
    assert "bookshop.name" in refused.output


def test_no_file_is_overwritten_and_then_nothing_is_made(place):
    place.sandbox.api("DELETE", f"/v1/webhook_endpoints/{place.endpoint}")
    refused = place.run("webhooks", "register", "--secret-file", str(place.secret))
    assert refused.exit_code == 1
    assert "is there already" in refused.output
    assert place.url not in str(endpoints(place.sandbox))


def test_what_is_wrong_with_the_endpoint_is_mended(place, monkeypatch):
    place.hook(disabled="true")
    place.hook(**{"enabled_events[]": "payment_intent.succeeded"})
    assert "is mended" in place.run("webhooks", "register").stdout
    assert found_by(place) == ([], 0)


def test_the_endpoints_of_others_are_left_alone(place):
    other = place.sandbox.api(
        "POST",
        "/v1/webhook_endpoints",
        {"url": "https://other.example/webhooks/stripe", "enabled_events[]": "charge.succeeded"},
    )
    place.run("webhooks", "register")
    assert next(each for each in endpoints(place.sandbox) if each["id"] == other["id"]) == {
        key: value for key, value in other.items() if key != "secret"
    }
    assert "https://other.example" in place.run("webhooks", "list").stdout


def test_without_stripe_it_says_what_to_do(place):
    place.write("stripe.api_base", "http://127.0.0.1:1")
    for words in (("webhooks", "register"), ("webhooks", "list")):
        result = place.run(*words)
        assert result.exit_code == 1
        assert "bookshop check" in result.output


def test_all_that_the_shop_acts_on_is_asked_for():
    assert [kind for kind in EVENT_TYPES if not kind.startswith(CONCERNING)] == []
    for beginning in CONCERNING:
        assert any(kind.startswith(beginning) for kind in EVENT_TYPES)
