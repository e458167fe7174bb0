"""Logs and metrics: what an operator can read in them, and that nothing private is in them."""

import io
import json
import logging
import re
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bookshop import clock
from bookshop.mail.worker import make_mail_worker
from bookshop.ops.logs import JsonFormatter
from bookshop.orders.emails import EmailComposer
from bookshop.webhooks.models import EventRecord, EventStatus
from tests.demo_books import MOSS
from tests.functional.test_checkout import BUY, press_pay
from tests.shops import SECRET_KEY, WEBHOOK_SECRET, intent_of, pay_form
from tests.waiting import until

EMAIL = "ada.lovelace@reader.example"
CARD = "4242424242424242"
TOKEN = "Token-of-the-metrics-0123456789abcdef"


class WholeRecord(logging.Formatter):
    """A record with its message, traceback and all its attributes, `extra` fields included."""

    def format(self, record):
        return f"{super().format(record)} {vars(record)}"


@pytest.fixture
def all_logs():
    """Everything logged by any library at any level, with all fields."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(WholeRecord("%(name)s %(message)s"))
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture
def lines():
    """The shop's log as production formats it, parsed."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("bookshop")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(before)


def samples(shop, **headers):
    answer = shop.visitor().get("/metrics", headers=headers)
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def buy(shop, sandbox, visitor=None, card="pm_card_visa"):
    visitor = visitor or shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page, email=EMAIL)
    sandbox.confirm(intent_of(page), card)
    visitor.get(f"/success?pi={intent_of(page)}")
    return page


# --- privacy


def test_no_secret_and_no_personal_data_is_logged_or_exported(
    delivering, sandbox, all_logs, monkeypatch, capfd
):
    shop = delivering
    visitor = shop.visitor()
    page = visitor.get(BUY)
    secret = page.html.find(id="payment-form")["data-client-secret"]
    press_pay(visitor, page, email=EMAIL)
    sandbox.confirm(intent_of(page), "pm_card_visa_chargeDeclined")
    visitor.get(f"/success?pi={intent_of(page)}")
    press_pay(visitor, page, email=EMAIL)
    sandbox.confirm(intent_of(page))
    visitor.get(
        f"/success?payment_intent={intent_of(page)}&payment_intent_client_secret={secret}"
    ).follow()
    sandbox.until_delivered()
    (order,) = shop.orders()
    make_mail_worker(shop.registry, EmailComposer(shop.registry)).deliver_due()
    # The shop's own worker may be the one that delivers it.
    (mail,) = until(lambda: list((shop.var / "mail").glob("*.eml")))
    key = re.search(r"key=3?D?=?\s*([\w.~-]+)", mail.read_text().replace("=\n", ""))[1]
    stranger = shop.visitor()
    stranger.get(f"/orders/{order.number}?key={key}")
    stranger.get(f"/orders/{order.number}?key={key[:-3]}", status=404)
    sandbox.fault(method="POST", path="/v1/payment_intents", kind="status", status=500, times=9)
    stranger.get(BUY, status=503)
    monkeypatch.setattr("bookshop.orders.pages.views.timeline", lambda *_: 1 / 0)
    visitor.get(f"/orders/{order.number}", status=500)

    output = all_logs.getvalue() + "".join(capfd.readouterr()) + shop.visitor().get("/metrics").text

    assert "ZeroDivisionError" in output
    private = {
        "client secret": secret.partition("_secret_")[2],
        "e-mail": EMAIL,
        "name": "lovelace",
        "link": key,
        "cookie": visitor.cookies["bookshop"].strip('"')[:40],
        "token": pay_form(page)["csrf_token"],
        "key": SECRET_KEY,
        "webhook secret": shop.registry.services.settings.stripe.webhook_secrets[0].reveal(),
        "secret of the shop": shop.registry.services.settings.shop.secret.reveal(),
    }
    assert [name for name, value in private.items() if value in output] == []
    assert WEBHOOK_SECRET not in output


# --- logs


def test_a_request_is_logged_in_one_line(shop, lines):
    shop.visitor().get("/books/?q=moss&page=")
    shop.visitor().get("/books/?q=moss&page=")
    (first, kept) = (line for line in lines() if line["event"] == "request")
    assert (first["method"], first["path"], first["status"]) == ("GET", "/books/", 200)
    assert (first["page"], kept["page"]) == ("Catalogue", "cached")
    assert first["request_id"] != kept["request_id"]
    assert kept["bytes"] > 1000
    assert 0 <= kept["seconds"] < 5
    assert "moss" not in str(first)


def test_every_response_has_its_request_id(shop, lines):
    for path in ("/", "/", "/nowhere", "/static/favicon.svg", "/health/live"):
        answer = shop.visitor().get(path, expect_errors=True)
        assert answer.headers["X-Request-Id"] == lines()[-1]["request_id"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("0123456789abcdef0123456789abcdef", True),
        ("9b2F6d1c-58a1-4f1e-9b1d-0123456789ab", True),
        ("short", False),
        ("x" * 65, False),
        ('a"b\\c-0123456', False),
        ("4242424242424242", False),
        ("4242-4242-4242-4242", False),
        ("0" * 32, False),
        ("ada-lovelace-reader-example", False),
    ],
)
def test_a_valid_request_id_of_a_proxy_is_taken(shop, lines, given, taken):
    shop.visitor().get("/", headers={"X-Request-Id": given})
    assert (lines()[-1]["request_id"] == given) is taken


def test_stripe_request_ids_are_logged_with_ours(shop, lines, sandbox):
    answer = shop.visitor().get(BUY)
    (stripe,) = (line for line in lines() if line["event"] == "stripe_request")
    request = lines()[-1]
    assert (stripe["call"], stripe["outcome"]) == ("create_intent", "answered")
    assert stripe["stripe_request_id"].startswith("req_")
    assert stripe["request_id"] == request["request_id"] == answer.headers["X-Request-Id"]
    assert any(stripe["stripe_request_id"] in str(each) for each in sandbox.requests())


def test_the_error_page_shows_the_request_id_of_the_log(shop, lines, monkeypatch):
    monkeypatch.setattr("bookshop.orders.pages.views._form", lambda *_: 1 / 0)
    page = shop.visitor().get("/orders/", status=500)
    (error,) = (line for line in lines() if line["level"] == "error")
    assert error["request_id"] in page.html.main.get_text()
    assert "ZeroDivisionError" in error["exception"]


def test_order_numbers_are_not_logged(shop, lines):
    shop.visitor().get("/orders/AAAA-BBBB-CCCC?key=abc", status=404)
    assert lines()[-1]["path"] == "/orders/…"


# --- metrics


def test_requests_are_counted_by_page_method_and_status(shop, sandbox):
    before = samples(shop)
    visitor = shop.visitor()
    for path in ("/books/", "/books/", f"/checkout?item={MOSS}", "/orders/", "/junk"):
        visitor.get(path, expect_errors=True)
    now = samples(shop)
    counted = {
        key[1:]: value - before.get(key, 0)
        for key, value in now.items()
        if key[0] == "bookshop_http_request_duration_seconds_count"
    }
    assert counted["2xx", "Catalogue", "GET"] == 1
    assert counted["2xx", "GET", "cached"] == 1
    assert counted["2xx", "GET", "Shop/checkout"] == 1
    assert counted["2xx", "GET", "Orders"] == 1
    assert counted["4xx", "GET", "unmatched"] == 1


def test_ten_thousand_paths_create_no_new_series(shop):
    visitor = shop.visitor()
    for path in ("/x", "/checkout/x", "/books/x", "/static/x", "/orders/x", "/x/metrics"):
        visitor.get(path, expect_errors=True)
    visitor.request("/x", method="PUT", expect_errors=True)
    samples(shop)  # is a request itself
    before = set(samples(shop))
    environ = {"wsgi.url_scheme": "http", "HTTP_HOST": "localhost:6543"}
    for number in range(10_000):
        name = f"a{number}"
        path = (f"/{name}", f"/checkout/{name}", f"/static/{name}", f"/{name}/metrics")[number % 4]
        method = "GET" if number % 8 else f"BREW{number}"
        request = {**environ, "REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": ""}
        shop.registry.services.request_log(request, lambda: SIMPLE)
    visitor.get("/another", expect_errors=True)
    assert set(samples(shop)) == before


class _Simple:
    status = "404 Not Found"
    content_length = 0

    def __init__(self):
        self.headers = {}


SIMPLE = _Simple()


def test_stripe_requests_are_counted_by_outcome(shop, sandbox):
    before = samples(shop)
    buy(shop, sandbox)
    sandbox.fault(method="POST", path="/v1/payment_intents", kind="status", status=500, times=9)
    shop.visitor().get(BUY, status=503)
    now = samples(shop)
    for key in (
        ("answered", "create_intent"),
        ("answered", "update_intent"),
        ("create_intent", "failed"),
    ):
        name = ("bookshop_stripe_request_duration_seconds_count", *key)
        assert now[name] > before.get(name, 0)


def test_orders_payments_events_and_emails_are_read_from_the_database(make_each_shop, sandbox):
    shop = make_each_shop()
    shop.registry.job_worker.stop()
    shop.registry.mail_worker.stop()
    buy(shop, sandbox)
    waiting = shop.visitor()
    press_pay(waiting, waiting.get(BUY))
    with shop.registry.services.sessions.begin() as session:
        session.add(
            EventRecord(
                id="evt_1",
                type="payment_intent.succeeded",
                created=clock.now(),
                status=EventStatus.FAILED,
                deliveries=1,
                received_at=clock.now() - timedelta(minutes=10),
            )
        )
    found = samples(shop)
    assert found["bookshop_database_up",] == 1
    assert found["bookshop_orders", "paid"] == 1
    assert found["bookshop_orders", "awaiting_payment"] == 1
    assert found["bookshop_orders", "disputed"] == 0
    assert found["bookshop_reservations",] == 1
    assert found["bookshop_reservations_expired",] == 0
    assert found["bookshop_paid_minor_units", "GBP"] == 2200
    assert found["bookshop_refunded_minor_units", "GBP"] == 0
    assert found["bookshop_webhook_events", "failed"] == 1
    assert 600 <= found["bookshop_webhook_oldest_failed_event_age_seconds",] < 700
    assert found["bookshop_emails", "waiting"] == 1


def test_without_a_database_the_other_metrics_are_exported(shop):
    shop.registry.services.engine.dispose()
    (shop.var / "shop.sqlite").write_bytes(b"not a database at all" * 100)
    for rest in shop.var.glob("shop.sqlite-*"):
        rest.unlink()
    found = samples(shop)
    assert found["bookshop_database_up",] == 0
    assert any(name == "bookshop_http_request_duration_seconds_count" for name, *_ in found)


def test_metrics_need_the_token(make_shop):
    shop = make_shop(metrics__token=TOKEN)
    for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": f"Basic {TOKEN}"}):
        shop.visitor().get("/metrics", headers=headers, status=404)
    assert samples(shop, Authorization=f"Bearer {TOKEN}")


def test_without_a_token_metrics_are_for_development_only(make_shop):
    make_shop().visitor().get("/metrics")
    make_shop(bookshop__environment="staging").visitor().get("/metrics", status=404)


@pytest.mark.parametrize(
    "path",
    [
        "/ada@reader.example",
        "/ada%2540reader.example",
        "/books/ada@reader.example",
        "/books/4242424242424242",
        "/sk_live_0123456789",
        "/./orders/K7QM-2X9T-4BCD",
        "/static/ada@reader.example",
    ],
)
def test_request_lines_contain_nothing_that_was_typed_by_mistake(shop, lines, path):
    shop.visitor().get(path, expect_errors=True)
    logged = str(lines())
    for part in ("ada", "4242", "0123456789", "K7QM"):
        assert part not in logged
