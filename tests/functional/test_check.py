"""`bookshop check` finds every planted fault, at its line, and reports nothing else.

Faults that do not influence one another are planted together: one run has to find them all.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from click.testing import CliRunner
from msgspec import structs
from sqlalchemy import update
from webtest import TestApp

from bookshop import clock
from bookshop.catalogue.edition import Price
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.writer import BookUpdate, save_books
from bookshop.cli import main
from bookshop.mail.models import MailRecord
from bookshop.ops.check import stripe
from bookshop.payments.errors import NotPermittedError
from bookshop.payments.gateway import Gateway
from bookshop.sandbox.objects import account
from tests.deployed_shop import respond
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import SECRET_KEY, intent_of


@dataclass(frozen=True)
class Fault:
    """A fault, and what `check` has to report; `plant` gets the shop and monkeypatch."""

    severity: str
    code: str
    key: str
    plant: Callable


# --- ways to plant a fault


def setting(key, value):
    return lambda deployed, _patch: deployed.write(key, value)


def server(key, value):
    return lambda deployed, _patch: deployed.write_server(key, value)


def action(function):
    return lambda deployed, _patch: function(deployed)


def attribute(target, value):
    return lambda _deployed, patch: patch.setattr(target, value)


def account_field(key, value):
    return lambda _deployed, patch: patch.setitem(account.ACCOUNT, key, value)


def forbidden(method):
    """A restricted key has no permission for the method's request."""

    def refuse(self, *_arguments):
        raise NotPermittedError("status=403")

    return lambda _deployed, patch: patch.setattr(Gateway, method, refuse)


def clock_slow_by(offset):
    now = clock.now
    return lambda _deployed, patch: patch.setattr(clock, "now", lambda: now() - offset)


def undelivered_event(deployed, patch):
    deployed.responder = respond("500 Internal Server Error", b"")
    page = TestApp(deployed.app).get(BUY)
    deployed.sandbox.api("POST", f"/v1/payment_intents/{intent_of(page)}/cancel")
    deployed.sandbox.until_delivered()
    deployed.responder = deployed.app
    patch.setattr(stripe, "DELIVERY_TIME", -timedelta(minutes=1))


def overdue_mail(deployed, _patch):
    visitor = TestApp(deployed.app)
    page = visitor.get(BUY)
    press_pay(visitor, page)
    deployed.sandbox.confirm(intent_of(page))
    visitor.get(f"/success?pi={intent_of(page)}")
    with deployed.registry.services.sessions.begin() as session:
        session.execute(update(MailRecord).values(written_at=clock.now() - timedelta(hours=2)))


def unpayable_price(deployed, _patch):
    services = deployed.registry.services
    with services.sessions.begin() as session:
        book = session.query(BookRecord).filter_by(sku=MOSS).one()
        edition = structs.replace(book.edition, prices=(Price("GBP", 20),))
        update = BookUpdate(edition, book.source, book.id, book.cover)
        save_books(session.connection(), [update], services.sales_context, clock.now())


def mail_login(deployed, _patch):
    deployed.write("mail.username", "shop")
    deployed.write("mail.password", "wrong")


class _DiskUsage:
    free = 1000


# --- the faults


def invalid(key, plant):
    return Fault("error", "invalid_setting", key, plant)


INVALID_SETTINGS = [
    [
        invalid("bookshop.name", setting("bookshop.name", "")),
        invalid("bookshop.nmae", setting("bookshop.nmae", "x")),
        invalid("bookshop.url", setting("bookshop.url", "shop.example")),
        invalid("bookshop.currency", setting("bookshop.currency", "POUND")),
        invalid("bookshop.locale", setting("bookshop.locale", "xx_YY")),
        invalid("bookshop.timezone", setting("bookshop.timezone", "Europe/Yorkshire")),
        invalid("bookshop.email", setting("bookshop.email", "no-address")),
        invalid("bookshop.secret", setting("bookshop.secret", "short")),
        invalid("bookshop.theme", setting("bookshop.theme", "/none")),
        invalid("stripe.timeout", setting("stripe.timeout", "0")),
        invalid("limits.payments", setting("limits.payments", "few")),
        invalid("stripe.webhook_secrets", action(lambda shop: shop.secret.write_text("secret"))),
        # Reported although the settings are invalid.
        Fault("error", "threads_invalid", "threads", server("threads", "many")),
        Fault("error", "any_proxy_trusted", "trusted_proxy", server("trusted_proxy", "*")),
    ],
    [
        invalid("bookshop.secret", setting("bookshop.secret", "${NOT_SET_AT_ALL}")),
        invalid("stripe.webhook_secrets", action(lambda shop: shop.secret.unlink())),
    ],
    [invalid("stripe.publishable_key", setting("stripe.publishable_key", "pk_live_x"))],
    [invalid("pyramid.includes", setting("pyramid.includes", "no_such_package"))],
]

WITHOUT_NETWORK = [
    [
        Fault("error", "threads_too_few", "threads", server("threads", "12")),
        Fault(
            "warning",
            "client_address_not_forwarded",
            "trusted_proxy_headers",
            server("trusted_proxy_headers", "x-forwarded-proto"),
        ),
        Fault(
            "error",
            "untrusted_headers_kept",
            "clear_untrusted_proxy_headers",
            server("clear_untrusted_proxy_headers", "false"),
        ),
        Fault(
            "error", "tracebacks_exposed", "expose_tracebacks", server("expose_tracebacks", "true")
        ),
        Fault("warning", "proxy_can_be_bypassed", "listen", server("listen", "0.0.0.0:6543")),
        Fault("warning", "other_server", "use", server("use", "egg:waitress#main")),
        Fault(
            "warning",
            "debugging_enabled",
            "pyramid.debug_notfound",
            setting("pyramid.debug_notfound", "t"),
        ),
        Fault(
            "warning",
            "debugging_enabled",
            "pyramid.debug_all",
            lambda _deployed, patch: patch.setenv("PYRAMID_DEBUG_ALL", "1"),
        ),
        Fault("warning", "limits_in_memory", "limits.storage", setting("limits.storage", "memory")),
    ],
    [
        Fault("error", "threads_invalid", "threads", server("threads", "many")),
        Fault("error", "any_proxy_trusted", "trusted_proxy", server("trusted_proxy", "*")),
    ],
    [
        Fault(
            "warning",
            "proxy_can_be_bypassed",
            "host",
            lambda shop, _: (shop.write_server("listen", None), shop.write_server("host", "::")),
        )
    ],
    [
        Fault(
            "warning",
            "file_readable_by_all",
            "stripe.webhook_secrets",
            action(lambda shop: shop.secret.chmod(0o604)),
        ),
        Fault(
            "warning",
            "file_readable_by_all",
            "sqlalchemy.url",
            action(lambda shop: shop.database.chmod(0o644)),
        ),
        Fault(
            "warning",
            "ini_readable_by_all",
            "bookshop.secret",
            action(lambda shop: shop.ini.chmod(0o644)),
        ),
        Fault("warning", "ini_readable_by_all", "stripe.secret_key", action(lambda _shop: None)),
        Fault(
            "error",
            "database_not_writable",
            "sqlalchemy.url",
            lambda shop, patch: patch.setattr(
                "bookshop.ops.check.database.os.access", lambda file, _how: file != shop.database
            ),
        ),
        Fault(
            "warning",
            "disk_almost_full",
            "bookshop.var",
            attribute("bookshop.ops.check.files.MIN_FREE_BYTES", 2**80),
        ),
        Fault(
            "warning",
            "closed_for_maintenance",
            "bookshop.var",
            action(lambda shop: (shop.var / "maintenance").touch()),
        ),
        Fault(
            "warning",
            "read_only",
            "bookshop.var",
            action(lambda shop: (shop.var / "read-only").touch()),
        ),
    ],
    [
        Fault(
            "warning",
            "migration_unfinished",
            "sqlalchemy.url",
            action(lambda shop: shop.registry.services.read_only.begin(clock.now())),
        ),
        Fault(
            "warning",
            "file_readable_by_all",
            "mail.folder",
            lambda shop, _: (
                (shop.var / "letters").mkdir(mode=0o755),
                shop.write("mail.host", None),
                shop.write("mail.folder", str(shop.var / "letters")),
            ),
        ),
    ],
    [
        Fault(
            "error",
            "folder_not_writable",
            "mail.folder",
            lambda shop, _: (
                shop.write("mail.host", None),
                shop.write("mail.folder", "/proc/mail"),
            ),
        ),
    ],
    [
        Fault(
            "warning",
            "no_space_for_backup",
            "sqlalchemy.url",
            attribute("bookshop.ops.check.database.shutil.disk_usage", lambda _path: _DiskUsage),
        ),
        # Both modules read the same function.
        Fault("warning", "disk_almost_full", "bookshop.var", action(lambda _shop: None)),
        Fault("warning", "unpayable_prices", "bookshop.currency", unpayable_price),
    ],
    [
        Fault(
            "warning",
            "timezone_is_utc",
            "bookshop.timezone",
            lambda shop, _: (shop.write("bookshop.timezone", None), shop.run("migrate")),
        )
    ],
    [Fault("error", "folder_not_writable", "bookshop.var", setting("bookshop.var", "/proc"))],
    [
        Fault(
            "error",
            "database_outdated",
            "sqlalchemy.url",
            action(lambda shop: shop.sql("UPDATE alembic_version SET version_num = '0001'")),
        )
    ],
    [Fault("error", "listings_outdated", "sqlalchemy.url", setting("bookshop.currency", "EUR"))],
    [
        Fault(
            "error",
            "database_unavailable",
            "sqlalchemy.url",
            setting("sqlalchemy.url", "postgresql+psycopg://shop@127.0.0.1:1/none"),
        )
    ],
]

WITH_NETWORK = [
    [
        Fault(
            "error",
            "account_not_activated",
            "stripe.secret_key",
            account_field("charges_enabled", False),
        ),
        Fault(
            "warning",
            "account_currency_differs",
            "bookshop.currency",
            account_field("default_currency", "usd"),
        ),
        Fault(
            "error",
            "webhook_endpoint_disabled",
            "stripe.webhook_secrets",
            action(lambda shop: shop.change_endpoint(disabled="true")),
        ),
        Fault(
            "error",
            "webhook_events_missing",
            "stripe.webhook_secrets",
            action(
                lambda shop: shop.change_endpoint(
                    **{"enabled_events[]": "payment_intent.succeeded"}
                )
            ),
        ),
        Fault(
            "warning",
            "webhook_api_version",
            "stripe.webhook_secrets",
            attribute("bookshop.ops.check.stripe.API_VERSION", "2030-01-01.fern"),
        ),
        Fault(
            "error",
            "webhook_secret_wrong",
            "stripe.webhook_secrets",
            action(lambda shop: shop.secret.write_text("whsec_of_another")),
        ),
        Fault("error", "mail_server_unavailable", "mail.host", setting("mail.port", "1")),
        Fault("warning", "mail_overdue", "mail.host", overdue_mail),
    ],
    [
        Fault(
            "error",
            "webhook_endpoint_missing",
            "bookshop.url",
            action(lambda shop: shop.delete_endpoint()),
        ),
        Fault(
            "error", "mail_starttls_failed", "mail.security", setting("mail.security", "starttls")
        ),
        Fault("warning", "clock_skew", "clock", clock_slow_by(timedelta(seconds=60))),
    ],
    [
        Fault(
            "warning",
            "webhook_endpoint_duplicate",
            "stripe.webhook_secrets",
            action(lambda shop: shop.register()),
        ),
        Fault("error", "mail_login_failed", "mail.password", mail_login),
        Fault("error", "clock_skew", "clock", clock_slow_by(timedelta(minutes=6))),
    ],
    [
        Fault(
            "warning",
            "webhook_secret_unconfirmed",
            "stripe.webhook_secrets",
            action(lambda shop: shop.change_endpoint(**{"metadata[bookshop_secret]": ""})),
        ),
        Fault("warning", "webhook_deliveries_failing", "stripe.webhook_secrets", undelivered_event),
        Fault(
            "error",
            "address_not_a_shop",
            "bookshop.url",
            action(lambda shop: setattr(shop, "responder", respond("200 OK", b"hi"))),
        ),
    ],
    [
        Fault("warning", "stripe_permission_missing", "stripe.secret_key", forbidden(method))
        for method in ("retrieve_account", "list_endpoints", "undelivered_events")
    ],
    [
        Fault(
            "error",
            "stripe_refused",
            "stripe.secret_key",
            setting("stripe.secret_key", "sk_test_other"),
        )
    ],
    [
        Fault(
            "error",
            "stripe_unavailable",
            "stripe.api_base",
            setting("stripe.api_base", "http://127.0.0.1:1"),
        ),
        Fault(
            "warning",
            "address_unavailable",
            "bookshop.url",
            setting("bookshop.url", "http://127.0.0.1:1"),
        ),
    ],
]


def names(groups):
    return [f"{group[0].code} {group[0].key} {len(group)}" for group in groups]


def assert_found(deployed, patch, faults, *words, exit_code=1):
    """Plant the faults, and assert that they are all that is found, each at its line."""
    for fault in faults:
        fault.plant(deployed, patch)
    findings, found_exit_code = deployed.check(*words)
    expected = [(fault.severity, fault.code, fault.key) for fault in faults]
    found = [(each["severity"], each["code"], each["key"]) for each in findings]
    assert sorted(found) == sorted(expected)
    assert found_exit_code == exit_code
    for finding in findings:
        place = (finding["file"], finding["line"])
        assert place == (str(deployed.ini), deployed.line(finding["key"])), finding
        assert finding["problem"]
        assert finding["fix"]
        assert finding["why"]


@pytest.mark.parametrize("faults", INVALID_SETTINGS, ids=names(INVALID_SETTINGS))
def test_invalid_settings_are_found(deployed, monkeypatch, faults):
    assert_found(deployed, monkeypatch, faults, exit_code=2)


@pytest.mark.parametrize("faults", WITHOUT_NETWORK, ids=names(WITHOUT_NETWORK))
def test_faults_of_server_files_and_database_are_found(deployed, monkeypatch, faults):
    assert_found(deployed, monkeypatch, faults, "--offline")


@pytest.mark.parametrize("faults", WITH_NETWORK, ids=names(WITH_NETWORK))
def test_faults_of_stripe_mail_and_public_address_are_found(deployed, monkeypatch, faults):
    assert_found(deployed, monkeypatch, faults)


# --- what is no fault, and how findings are reported


def test_a_shop_without_faults_has_no_findings(deployed):
    assert deployed.check() == ([], 0)
    assert deployed.run("check").exit_code == 0


@pytest.mark.parametrize(
    ("key", "value", "refused"),
    [
        ("bookshop.environment", "production", "stripe.api_base"),
        ("stripe.secret_key", "sk_live_x", "stripe.secret_key"),
    ],
)
def test_live_and_test_settings_are_not_mixed(deployed, key, value, refused):
    deployed.write(key, value)
    findings, exit_code = deployed.check()
    assert exit_code == 2
    assert {each["code"] for each in findings} == {"invalid_setting"}
    assert refused in {each["key"] for each in findings}


def test_all_templates_of_a_theme_are_compiled(deployed, tmp_path):
    templates = tmp_path / "templates"
    (templates / "mail").mkdir(parents=True)
    for name, content in {
        "good": b"{% extends 'bookshop:templates/layout.jinja2' %}{% trans %}x{% endtrans %}",
        "uses filters": b"{{ total | money }}{{ date | day }}",
        "unclosed": b"\n\n{% if shop %}",
        "mail/filter": b"{{ 1 | no_such_filter }}",
        "parent": b"{% extends 'bookshop:templates/nowhere.jinja2' %}",
        "encoding": b"\xff",
    }.items():
        (templates / f"{name}.jinja2").write_bytes(content)
    deployed.write("bookshop.theme", str(tmp_path))

    findings, exit_code = deployed.check("--offline")

    assert exit_code == 1
    assert {(each["code"], each["key"]) for each in findings} == {
        ("template_invalid", "bookshop.theme")
    }
    named = [each["problem"].partition(f"{templates}/")[2].split(".jinja2")[0] for each in findings]
    assert sorted(named) == ["encoding", "mail/filter", "parent", "unclosed"]
    assert any("unclosed.jinja2:3: " in each["problem"] for each in findings)


def test_advice_about_a_secret_in_a_file_names_the_file(deployed):
    deployed.secret.write_text("secret")
    findings, _exit_code = deployed.check()
    [fix] = [each["fix"] for each in findings if each["key"] == "stripe.webhook_secrets"]
    assert f"into {deployed.secret} (stripe.webhook_secrets_file)" in fix


def test_the_text_output_has_everything_that_the_json_output_has(deployed):
    deployed.write_server("threads", "12")
    deployed.write("limits.storage", "memory")
    findings, _exit_code = deployed.check("--offline")
    text = deployed.run("check", "--offline").stdout
    assert len(findings) == 2
    for finding in findings:
        for value in finding.values():
            assert str(value) in text


def test_an_exception_in_one_check_hides_no_other_finding(deployed, monkeypatch):
    def fail(_shop):
        yield from ()
        raise RuntimeError("sk_live_of_a_customer")

    monkeypatch.setattr("bookshop.ops.check.mail.run_checks", fail)
    deployed.write_server("threads", "12")
    findings, _exit_code = deployed.check()
    assert [each["code"] for each in findings] == ["threads_too_few", "check_failed"]
    assert findings[1]["key"] == "mail.host"
    assert "sk_live" not in str(findings)


def test_a_missing_permission_hides_no_other_finding(deployed, monkeypatch):
    forbidden("retrieve_account")(deployed, monkeypatch)
    deployed.change_endpoint(disabled="true")
    assert deployed.codes() == ["webhook_endpoint_disabled", "stripe_permission_missing"]


def test_of_two_enabled_endpoints_the_one_with_our_secret_is_checked(deployed):
    secret = deployed.secret.read_text()
    deployed.register()
    deployed.secret.write_text(secret)
    assert deployed.codes() == ["webhook_endpoint_duplicate"]


def test_events_that_the_shop_does_not_need_may_be_undelivered(deployed, serve):
    def count_undelivered():
        now = clock.now()
        undelivered = deployed.registry.services.payments.undelivered_events(
            now - timedelta(days=1), now + timedelta(days=1)
        )
        return undelivered.count if undelivered else 0

    before, kind = count_undelivered(), "payment_intent.created"
    endpoint = {
        "url": serve(respond("500 Internal Server Error", b"")),
        "enabled_events[]": kind,
    }
    deployed.sandbox.api("POST", "/v1/webhook_endpoints", endpoint)
    TestApp(deployed.app).get(BUY)
    deployed.sandbox.until_delivered()
    query = {"delivery_success": "false", "type": kind}
    assert deployed.sandbox.api("GET", "/v1/events", query)["data"]
    assert count_undelivered() == before


def test_a_group_may_read_secrets(deployed):
    for file in (deployed.secret, deployed.database, deployed.ini):
        file.chmod(0o640)
    assert deployed.codes("--offline") == []


def test_a_key_in_the_default_section_is_found_there(deployed):
    deployed.write("limits.storage", None)
    deployed.ini.write_text(f"[DEFAULT]\nlimits.storage = memory\n\n{deployed.ini.read_text()}")
    ((finding,), _exit_code) = deployed.check("--offline")
    assert (finding["key"], finding["line"]) == ("limits.storage", 2)


@pytest.mark.parametrize("name", ["", "#main", "#shop"])
def test_an_inherited_key_is_found_in_its_own_file(deployed, name):
    inheriting = deployed.ini.with_name("inheriting.ini")
    deployed.write("limits.storage", "memory")
    sections = ("[app:main]", "[server:main]")
    inheriting.write_text("".join(f"{each}\nuse = config:shop.ini{name}\n" for each in sections))
    section = name.strip("#") or "main"
    deployed.ini.write_text(deployed.ini.read_text().replace(":main]", f":{section}]"))
    words = ["--config", str(inheriting), "check", "--json", "--offline"]
    (finding,) = json.loads(CliRunner().invoke(main, words).stdout)["findings"]
    place = (str(deployed.ini), deployed.line("limits.storage"))
    assert (finding["file"], finding["line"]) == place


def test_offline_needs_neither_stripe_nor_the_mail_server(deployed):
    deployed.write("stripe.api_base", "http://127.0.0.1:1")
    deployed.write("mail.port", "1")
    assert deployed.codes("--offline") == []


def test_no_secret_is_printed(deployed, monkeypatch):
    deployed.secret.write_text("whsec_of_another")
    mail_login(deployed, monkeypatch)
    output = deployed.run("check").output + deployed.run("check", "--json").output
    for secret in (SECRET_KEY, "whsec_of_another", "wrong", "0123456789abcdef"):
        assert secret not in output.replace("webhook_secret_wrong", "")
