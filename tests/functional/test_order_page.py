"""The order page, shown to the session that placed the order and to holders of its signed link."""

import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import event

from bookshop import clock
from bookshop.mail.models import MailRecord
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.fulfilment.shipments import ShipmentRequest, ship
from bookshop.orders.links import LIFE, order_key
from bookshop.orders.models import Order
from bookshop.orders.number import new_number
from bookshop.orders.pages.labels import STATUS_MESSAGES
from bookshop.orders.pages.link_requests import send_requested_links
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import CLOSED, PAID_FOR, UNPAID, Actor, OrderStatus
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import intent_of

EMAIL = "ada@reader.example"


class Buyer:
    """A customer who has pressed Pay: browser, order and PaymentIntent."""

    def __init__(self, shop, sandbox):
        self.shop, self.sandbox = shop, sandbox
        self.browser = shop.visitor()
        page = self.browser.get(BUY)
        press_pay(self.browser, page)
        self.intent = intent_of(page)
        self.number = shop.orders()[-1].number

    def pay(self):
        self.secret = self.sandbox.confirm(self.intent)["client_secret"]
        self.look()

    def look(self):
        """Open the success page, which updates the order from Stripe."""
        return self.browser.get(f"/success?pi={self.intent}")

    def sync(self):
        """Update the order from Stripe, as an event does: the page of a paid order does not."""
        shop = self.shop.registry.services
        intent = shop.payments.retrieve_intent(self.intent)
        with shop.sessions.begin() as session:
            sync_payment(session, intent, Cause(Actor.STRIPE, "evt_1"), clock.now())

    def page(self):
        return self.browser.get(f"/orders/{self.number}")

    def change(self, **values):
        with self.shop.registry.services.sessions.begin() as session:
            order = session.query(Order).filter_by(number=self.number).one()
            for name, value in values.items():
                setattr(order, name, value)


@pytest.fixture
def buyer(shop, sandbox):
    return Buyer(shop, sandbox)


def test_receipt_has_the_shops_day(make_shop, sandbox, monkeypatch):
    shop = make_shop(bookshop__timezone="America/Los_Angeles")
    evening = datetime(2026, 11, 27, 3, 5, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: evening)
    buyer = Buyer(shop, sandbox)
    buyer.pay()

    page = buyer.page()

    assert page.html.select_one("[data-receipt=paid]")
    days = {each["datetime"]: each.text for each in page.html.select("time")}
    assert days == {"2026-11-26": "26 November 2026"}


@pytest.fixture
def declined(buyer, sandbox):
    """A customer whose card was declined: Stripe knows of an attempt with the address."""
    sandbox.confirm(buyer.intent, "pm_card_visa_chargeDeclined")
    buyer.look()
    return buyer


@pytest.fixture
def paid(buyer):
    buyer.pay()
    return buyer


@pytest.fixture
def later(monkeypatch):
    """Moves the shop's clock."""

    def move(by):
        moment = clock.now() + by
        monkeypatch.setattr(clock, "now", lambda: moment)

    return move


def link(shop, number, key=None):
    if key is None:
        key = order_key(shop.registry.services.settings.shop, number)
    return f"/orders/{number}?{urlencode({'key': key})}"


def words(page) -> str:
    return " ".join(page.html.main.get_text(" ").split())


def status(page) -> str:
    return page.html.article["data-status"]


def events(page) -> list[str]:
    """The codes of the timeline, oldest first."""
    return [item["data-timeline-event"] for item in page.html.select(".timeline li")]


def link_requested(page) -> bool:
    return bool(page.html.find(id="link-requested"))


# --- access


def test_signed_link_opens_the_order_in_any_browser(shop, paid):
    page = shop.visitor().get(link(shop, paid.number))

    assert status(page) == "paid"
    assert page.html.article["data-order"] == paid.number
    assert EMAIL in page
    line = page.html.select_one(f"[data-line-sku='{MOSS}']")
    assert (line["data-quantity"], line["data-amount"]) == ("1", "2200")


def test_own_session_needs_no_key(paid):
    assert status(paid.page()) == "paid"


def test_session_with_the_client_secret_needs_no_key(shop, paid):
    other = shop.visitor()
    other.get(f"/success?pi={paid.intent}&payment_intent_client_secret={paid.secret}", status=303)

    assert status(other.get(f"/orders/{paid.number}")) == "paid"


def test_success_page_links_to_the_order(paid):
    assert status(paid.look().click(linkid="view-order")) == "paid"


def refused_links(shop, number):
    """Return links that must not open an order: wrong keys, wrong numbers, missing orders."""
    settings = shop.registry.services.settings.shop
    key = order_key(settings, number)
    absent = new_number()
    altered = [
        key[:place] + ("A" if key[place] != "A" else "B") + key[place + 1 :]
        for place in range(len(key))
    ]
    return [
        f"/orders/{number}",
        f"/orders/{absent}",
        link(shop, absent),  # a valid signature, but no such order
        link(shop, number, order_key(settings, absent)),
        link(shop, absent, key),
        link(shop, number, key + "="),
        link(shop, number, key + " "),
        link(shop, number, key + "\N{SNOWMAN}"),
        link(shop, number, ""),
        link(shop, number, "x"),
        link(shop, number, "\0"),
        link(shop, number, "x" * 5000),
        *(link(shop, number, wrong) for wrong in altered),
        f"/orders/{number}?key=%FF",
        f"/orders/{number}?Key={key}",
        f"/orders/{number.lower()}?key={key}",
        f"/orders/{number.replace('-', '')}?key={key}",
        f"/orders/{number}/receipt?key={key}",
        f"/orders/{number[:-1]}?key={key}",
        "/orders/0",
        "/orders/%00",
        "/orders/" + "9" * 3000,
    ]


def answer(page):
    """Return status, headers and body, without the time and the request id."""
    headers = {name: page.headers[name] for name in page.headers}
    del headers["Expires"], headers["Last-Modified"], headers["X-Request-Id"]
    return page.status, headers, page.body


def test_forbidden_and_missing_orders_get_identical_responses(shop, paid):
    stranger = shop.visitor()
    stranger.get("/orders/")

    seen = {repr(answer(stranger.get(url, status=404))) for url in refused_links(shop, paid.number)}

    assert len(seen) == 1
    (response,) = seen
    assert paid.number not in response
    assert EMAIL not in response
    assert MOSS not in response


def test_another_customer_gets_the_same_responses(shop, sandbox, paid):
    other = Buyer(shop, sandbox)
    other.browser.get("/orders/")

    seen = {
        repr(answer(other.browser.get(url, status=404))) for url in refused_links(shop, paid.number)
    }

    assert len(seen) == 1
    assert status(other.page()) == "awaiting_payment"


def test_expired_link_gets_the_response_of_a_missing_order(shop, paid, later):
    stranger = shop.visitor()
    stranger.get("/orders/")
    url, missing = link(shop, paid.number), f"/orders/{new_number()}"
    assert stranger.get(url, status=200)

    later(LIFE + timedelta(seconds=1))

    expired = stranger.get(url, status=404)
    assert answer(expired) == answer(stranger.get(missing, status=404))


@contextmanager
def statements(shop):
    """Collect the SQL statements that this thread executes meanwhile."""
    asked, here = [], threading.get_ident()

    def note(_connection, _cursor, statement, *_rest):
        if threading.get_ident() == here:
            asked.append(statement)

    event.listen(shop.registry.services.engine, "before_cursor_execute", note)
    yield asked
    event.remove(shop.registry.services.engine, "before_cursor_execute", note)


def test_request_without_key_or_own_order_makes_no_query(shop, paid):
    stranger = shop.visitor()
    stranger.get("/orders/")
    with statements(shop) as asked:
        for url in (f"/orders/{paid.number}", link(shop, paid.number, "x.y")):
            stranger.get(url, status=404)
    assert asked == []


def test_foreign_and_missing_orders_run_the_same_queries(shop, sandbox, paid):
    other = Buyer(shop, sandbox)
    with statements(shop) as there:
        other.browser.get(f"/orders/{paid.number}", status=404)
    with statements(shop) as absent:
        other.browser.get(f"/orders/{new_number()}", status=404)
    assert there == absent
    assert len(there) == 2  # BEGIN, and one SELECT


def test_order_page_does_not_wait_for_writers(shop, paid):
    url = link(shop, paid.number)
    with shop.registry.services.sessions.begin() as session:
        session.query(Order).update({"email": EMAIL})
        assert shop.visitor().get(url)


# --- confidentiality


def test_order_page_is_not_cached_and_sends_no_referrer(shop, paid):
    page = shop.visitor().get(link(shop, paid.number))
    missing = shop.visitor().get("/orders/0", status=404)

    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert missing.headers["Referrer-Policy"] == "strict-origin"
    for each in (page, missing, shop.visitor().get("/orders/")):
        assert "no-store" in each.headers["Cache-Control"]
        assert each.html.select_one("meta[name=robots]")["content"] == "noindex"
    assert "Set-Cookie" not in page.headers


def test_order_page_contains_no_secret(shop, paid):
    key = order_key(shop.registry.services.settings.shop, paid.number)
    page = shop.visitor().get(link(shop, paid.number, key))

    (order,) = shop.orders()
    for secret in (paid.secret, paid.intent, order.session_id, key):
        assert secret not in page


def test_key_is_not_logged(shop, paid, caplog):
    caplog.set_level("DEBUG")
    key = order_key(shop.registry.services.settings.shop, paid.number)
    visitor = shop.visitor()
    visitor.get(link(shop, paid.number, key))
    visitor.get(link(shop, new_number(), key), status=404)
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("ALTER TABLE order_entries RENAME TO gone")

    visitor.get(link(shop, paid.number, key), expect_errors=True)

    assert "database_unavailable" in caplog.messages
    logged = caplog.text + repr([vars(record) for record in caplog.records])  # extra fields too
    assert key not in logged
    assert EMAIL not in logged


# --- content


@pytest.mark.parametrize("order_status", list(OrderStatus))
def test_each_status_has_its_message_and_links(shop, buyer, order_status):
    paid_at = clock.now() if order_status in PAID_FOR else None
    buyer.change(status=order_status, paid_at=paid_at)

    page = shop.visitor().get(link(shop, buyer.number))

    message = STATUS_MESSAGES[order_status]
    assert status(page) == message.code
    assert page.html.h1.get_text().strip() == message.heading
    assert message.sentence in words(page)
    receipt = page.html.select_one("[data-receipt]")["data-receipt"]
    assert receipt == ("paid" if paid_at else "unpaid")
    assert bool(page.html.select_one(f"a[href='/checkout?item={MOSS}']")) == (
        order_status in UNPAID | CLOSED
    )


def test_unpaid_order_can_be_paid_in_its_own_session(shop, buyer):
    page = buyer.page()
    assert intent_of(page.click(linkid="pay-now")) == buyer.intent

    elsewhere = shop.visitor().get(link(shop, buyer.number))
    assert elsewhere.html.find(id="pay-now") is None
    assert intent_of(elsewhere.click(linkid="order-again")) != buyer.intent


def test_cancelled_order_can_be_ordered_again(buyer):
    buyer.sandbox.api("POST", f"/v1/payment_intents/{buyer.intent}/cancel")
    buyer.look()

    page = buyer.page()

    assert status(page) == "cancelled"
    assert intent_of(page.click(linkid="order-again")) != buyer.intent


def test_mismatched_payment_cannot_be_paid_again_from_the_order_page(buyer):
    buyer.sandbox.confirm(buyer.intent)
    buyer.change(total=2500)
    buyer.look()

    page = buyer.page()

    assert status(page) == "payment_mismatch"
    assert not page.html.select("main a[href*=checkout]")


def test_payment_for_a_sold_out_book_is_refunded_and_explained(shop, buyer):
    buyer.change(stock_reserved=False, reserved_until=None)
    shop.change_book(MOSS, stock=0, reserved=0)
    buyer.pay()
    assert status(buyer.page()) == "out_of_stock"

    buyer.sandbox.refund(buyer.intent)
    buyer.sync()

    page = buyer.page()
    assert status(page) == "refunded"
    assert events(page)[-2:] == ["out_of_stock", "refunded"]
    assert "£22.00" in page.html.select_one("[data-timeline-event=refunded]").get_text()


def totals(page):
    """The totals of the receipt: name, amount in minor units, and the amount as it is written."""
    return [
        (row["data-total"], int(row["data-amount"]), row.td.get_text(strip=True))
        for row in page.html.select(".totals tr")
    ]


def test_receipt_shows_the_refund_and_the_remaining_total(paid):
    assert totals(paid.page()) == [("ordered", 2200, "£22.00")]

    paid.sandbox.refund(paid.intent, 500)
    paid.sync()

    page = paid.page()
    assert status(page) == "partly_refunded"
    assert totals(page) == [
        ("ordered", 2200, "£22.00"),
        ("refund", -500, "-£5.00"),
        ("after_refunds", 1700, "£17.00"),
    ]


def test_failed_refund_is_in_the_timeline_but_not_on_the_receipt(paid):
    refund = paid.sandbox.refund(paid.intent, 500)
    paid.sync()
    paid.sandbox.settle_refund(refund["id"], "failed")
    paid.sync()

    page = paid.page()

    assert status(page) == "paid"
    assert totals(page) == [("ordered", 2200, "£22.00")]
    assert "£5.00" in page.html.select_one("[data-timeline-event=refund_failed]").get_text()


def test_dispute_page_reveals_no_fraud_suspicion(paid):
    paid.sandbox.warn(paid.intent)
    paid.sandbox.review(paid.intent)
    paid.sandbox.dispute(paid.intent, "fraudulent")
    paid.sync()

    page = paid.page()

    assert status(page) == "disputed"
    assert not re.search("fraud|dispute|review|warn|suspi", words(page), re.IGNORECASE)


def test_timeline_is_dated_and_ordered(shop, paid):
    with shop.registry.services.sessions.begin() as session:
        sent = TransitionContext(
            session, Cause(Actor.STAFF, "ship"), clock.now() + timedelta(days=1)
        )
        ship(sent, session.query(Order).one(), ShipmentRequest({}, tracking="QF 123 456"))

    page = paid.page()

    assert status(page) == "shipped"
    assert page.html.select_one("tr[data-line-sku]")["data-shipped"] == "1"
    assert events(page) == ["placed", "paid", "shipped"]
    items = page.html.select(".timeline li")
    assert "Moss" in items[-1].get_text()
    assert items[-1].select_one("[data-tracking]")["data-tracking"] == "QF 123 456"
    dates = [item.time["datetime"] for item in items]
    assert dates == sorted(dates)


def test_address_from_stripe_is_shown(paid):
    paid.change(
        address={
            "name": "Ada <Lovelace>",
            "line1": "12 Square",
            "line2": "Flat 3",
            "city": "London",
            "postal_code": "SW1Y 4JH",
            "country": "GB",
        }
    )
    address = "Ada <Lovelace> 12 Square Flat 3 London SW1Y 4JH United Kingdom"
    assert address in words(paid.page())

    paid.change(address={"country": "XX"})
    assert "XX" in words(paid.page())


def test_receipt_names_seller_buyer_and_books(paid):
    receipt = " ".join(paid.page().html.select_one(".receipt").get_text(" ").split())
    for part in (
        "The Test Bookshop",
        "hello@bookshop.example",
        "http://localhost:6543",
        paid.number,
        EMAIL,
        "GBP",
        "Moss",
        "Hardback",
    ):
        assert part in receipt


# --- a new link


def ask(browser, number, email, status=200):
    form = browser.get("/orders/0", status=404).forms["link-form"]
    form["number"], form["email"] = number, email
    return form.submit(status=status)


def mails(shop):
    """Answer the requests for links as the job does, and return recipients and order numbers."""
    send_requested_links(shop.registry.services.sessions)
    with shop.registry.services.sessions() as session:
        found = session.query(MailRecord.recipient, Order.number).filter(
            MailRecord.kind == "link", MailRecord.order_id == Order.id
        )
        return [tuple(row) for row in found.order_by(MailRecord.id)]


@pytest.mark.parametrize("email", [EMAIL, "ADA@Reader.Example", f"  {EMAIL} "])
def test_new_link_is_sent_to_the_email_of_the_order(shop, declined, email):
    assert link_requested(ask(shop.visitor(), declined.number, email))
    assert mails(shop) == [(EMAIL, declined.number)]


@pytest.mark.parametrize("email", ["ada@b\u00fccher.example", "ADA@xn--bcher-kva.example"])
def test_new_link_is_sent_whichever_form_of_the_domain_is_typed(shop, declined, email):
    stored = "ada@B\u00fccher.example"
    with shop.registry.services.sessions.begin() as session:
        session.query(Order).filter_by(number=declined.number).update({"email": stored})
    ask(shop.visitor(), declined.number, email)
    assert mails(shop) == [(stored, declined.number)]


def test_order_number_is_accepted_in_any_spelling(shop, declined):
    written = declined.number.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    ask(shop.visitor(), written, EMAIL)
    assert mails(shop) == [(EMAIL, declined.number)]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "eve@reader.example",
        "ada@reader.example.org",
        "ada",
        "%",
        "ada@reader.example\0",
        "None",
    ],
)
def test_wrong_email_gets_no_link(shop, declined, email):
    assert link_requested(ask(shop.visitor(), declined.number, email))
    assert mails(shop) == []


@pytest.mark.parametrize("number", ["", "\0", "1' OR '1'='1", "9" * 5000, "K7QM-2X9T-4BCD"])
def test_wrong_number_gets_no_link(shop, declined, number):
    assert link_requested(ask(shop.visitor(), number, EMAIL))
    assert mails(shop) == []


def test_order_without_an_email_gets_no_link(shop, sandbox):
    visitor = shop.visitor()
    visitor.get(BUY)
    (order,) = shop.orders()
    for email in ("", "None", EMAIL):
        ask(visitor, order.number, email)
    assert mails(shop) == []


def test_response_does_not_reveal_whether_details_match(shop, declined):
    browser = shop.visitor()
    ask(browser, "unknown", EMAIL)  # sets the session cookie
    first = ask(browser, declined.number, EMAIL)
    assert len(mails(shop)) == 1
    declined.change(email="eve@reader.example")
    second = ask(browser, declined.number, EMAIL)

    assert len(mails(shop)) == 1
    assert answer(first) == answer(second)


def test_the_form_for_a_link_does_the_same_work_whether_or_not_it_matches(shop, paid):
    browser, runs = shop.visitor(), []
    for number, email in [
        (paid.number, EMAIL),
        (paid.number, "eve@reader.example"),
        (new_number(), EMAIL),
        ("", ""),
    ]:
        form = browser.get("/orders/").forms["link-form"]
        form["number"], form["email"] = number, email
        with statements(shop) as run:
            form.submit()
        runs.append(run)
    assert runs[0]
    assert runs == [runs[0]] * 4


def test_at_most_one_link_an_hour_is_sent(shop, declined, monkeypatch):
    hour = clock.now().replace(minute=0, second=0)
    for minutes in (0, 1, 59):
        monkeypatch.setattr(clock, "now", lambda at=minutes: hour + timedelta(minutes=at))
        ask(shop.visitor(), declined.number, EMAIL)
    assert len(mails(shop)) == 1

    monkeypatch.setattr(clock, "now", lambda: hour + timedelta(minutes=60))
    ask(shop.visitor(), declined.number, EMAIL)
    assert len(mails(shop)) == 2


def test_invalid_csrf_token_is_refused_and_the_form_shown_again(shop, declined):
    browser = shop.visitor()
    form = {"number": declined.number, "email": EMAIL}
    page = browser.post("/orders/", {**form, "csrf_token": "wrong"}, status=400)
    assert mails(shop) == []
    assert page.html.select_one("[role=alert]")["data-error-code"] == "stale_page"

    assert link_requested(page.forms["link-form"].submit())
    assert mails(shop) == [(EMAIL, declined.number)]


def test_submitted_values_are_escaped(shop):
    page = ask(shop.visitor(), '"><script>', "<b>@x.example")
    assert page.forms["link-form"]["number"].value == '"><script>'
    assert not page.html.select("main script, main b")


def test_uploaded_file_instead_of_a_number_is_handled(shop):
    form = shop.visitor().get("/orders/").forms["link-form"]
    token = form["csrf_token"].value
    page = form.response.test_app.post(
        "/orders/", {"csrf_token": token}, upload_files=[("number", "a.txt", b"x")]
    )
    assert link_requested(page)


def test_link_form_is_accepted_over_https(make_shop, sandbox):
    """A page with `no-referrer` would send `Origin: null`, which Pyramid refuses."""
    shop = make_shop(bookshop__url="https://bookshop.example")
    browser = shop.visitor()
    browser.extra_environ.update({"wsgi.url_scheme": "https", "HTTP_HOST": "bookshop.example"})
    form = browser.get("/orders/0", status=404).forms["link-form"]
    form["number"], form["email"] = new_number(), EMAIL

    assert link_requested(form.submit(headers={"Origin": "https://bookshop.example"}))
    assert form.submit(headers={"Origin": "null"}, status=400)
