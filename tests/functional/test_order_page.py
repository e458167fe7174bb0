"""The page of an order: for the browser that made it and whoever has the link, for nobody else."""

import re
import threading
from contextlib import contextmanager
from datetime import timedelta
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
from bookshop.orders.pages.labels import VERDICTS
from bookshop.orders.states import CLOSED, PAID_FOR, UNPAID, Actor, OrderStatus
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import intent_of

EMAIL = "ada@reader.example"
SAID = "If number and address belong together, a mail with a new link is on its way."


class Buyer:
    """Somebody who has pressed Pay: their browser, their order and its PaymentIntent."""

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
        """At the success page, which asks Stripe how things stand."""
        return self.browser.get(f"/success?pi={self.intent}")

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


def heading(page) -> str:
    return page.html.h1.get_text().strip()


# --- who may see it


def test_the_link_opens_the_order_anywhere(shop, paid):
    page = shop.visitor().get(link(shop, paid.number))

    assert heading(page) == "Your order is paid"
    assert paid.number in page
    assert EMAIL in page
    assert "£22.00" in page
    assert "Moss" in page


def test_the_browser_that_made_the_order_needs_no_key(paid):
    assert heading(paid.page()) == "Your order is paid"


def test_the_browser_that_has_shown_the_client_secret_needs_no_key(shop, paid):
    other = shop.visitor()
    other.get(f"/success?pi={paid.intent}&payment_intent_client_secret={paid.secret}", status=303)

    assert heading(other.get(f"/orders/{paid.number}")) == "Your order is paid"


def test_the_success_page_leads_to_the_order(paid):
    assert heading(paid.look().click("See your order")) == "Your order is paid"


def refused_links(shop, number):
    """All ways to ask for an order that one may not see, or that is not there."""
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
        link(shop, absent),  # rightly signed, and no order there
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
    """All that a browser is given, but for the time of day and the number of the request."""
    told = {name: page.headers[name] for name in page.headers}
    del told["Expires"], told["Last-Modified"], told["X-Request-Id"]
    return page.status, told, page.body


def test_what_may_not_be_seen_reads_the_same_as_what_is_not_there(shop, paid):
    stranger = shop.visitor()
    stranger.get("/orders/")

    seen = {repr(answer(stranger.get(url, status=404))) for url in refused_links(shop, paid.number)}

    assert len(seen) == 1
    (said,) = seen
    assert paid.number not in said
    assert EMAIL not in said
    assert "Moss" not in said


def test_somebody_with_an_order_of_their_own_learns_no_more(shop, sandbox, paid):
    other = Buyer(shop, sandbox)
    other.browser.get("/orders/")

    seen = {
        repr(answer(other.browser.get(url, status=404))) for url in refused_links(shop, paid.number)
    }

    assert len(seen) == 1
    assert heading(other.page()) == "Your order is waiting for its payment"


def test_an_expired_link_reads_the_same_as_a_missing_order(shop, paid, later):
    stranger = shop.visitor()
    stranger.get("/orders/")
    url, missing = link(shop, paid.number), f"/orders/{new_number()}"
    assert stranger.get(url, status=200)

    later(LIFE + timedelta(seconds=1))

    expired = stranger.get(url, status=404)
    assert answer(expired) == answer(stranger.get(missing, status=404))


@contextmanager
def statements(shop):
    """What the database is asked meanwhile, by this thread alone."""
    asked, here = [], threading.get_ident()

    def note(_connection, _cursor, statement, *_rest):
        if threading.get_ident() == here:
            asked.append(statement)

    event.listen(shop.registry.services.engine, "before_cursor_execute", note)
    yield asked
    event.remove(shop.registry.services.engine, "before_cursor_execute", note)


def test_without_a_key_and_an_order_of_ones_own_the_database_is_not_asked(shop, paid):
    stranger = shop.visitor()
    stranger.get("/orders/")
    with statements(shop) as asked:
        for url in (f"/orders/{paid.number}", link(shop, paid.number, "x.y")):
            stranger.get(url, status=404)
    assert asked == []


def test_the_same_work_is_done_for_a_strangers_order_and_for_none(shop, sandbox, paid):
    other = Buyer(shop, sandbox)
    with statements(shop) as there:
        other.browser.get(f"/orders/{paid.number}", status=404)
    with statements(shop) as absent:
        other.browser.get(f"/orders/{new_number()}", status=404)
    assert there == absent
    assert len(there) == 2  # BEGIN, and one SELECT


def test_looking_writes_nothing_and_waits_for_nobody_who_writes(shop, paid):
    url = link(shop, paid.number)
    with shop.registry.services.sessions.begin() as session:
        session.query(Order).update({"email": EMAIL})
        assert shop.visitor().get(url)


# --- what leaks


def test_the_page_is_kept_nowhere_and_tells_no_other_site(shop, paid):
    page = shop.visitor().get(link(shop, paid.number))
    missing = shop.visitor().get("/orders/0", status=404)

    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert missing.headers["Referrer-Policy"] == "strict-origin"
    for each in (page, missing, shop.visitor().get("/orders/")):
        assert "no-store" in each.headers["Cache-Control"]
        assert each.html.select_one("meta[name=robots]")["content"] == "noindex"
    assert "Set-Cookie" not in page.headers


def test_the_page_holds_no_secret(shop, paid):
    key = order_key(shop.registry.services.settings.shop, paid.number)
    page = shop.visitor().get(link(shop, paid.number, key))

    (order,) = shop.orders()
    for secret in (paid.secret, paid.intent, order.visitor, key):
        assert secret not in page


def test_the_key_is_in_no_log(shop, paid, caplog):
    caplog.set_level("DEBUG")
    key = order_key(shop.registry.services.settings.shop, paid.number)
    visitor = shop.visitor()
    visitor.get(link(shop, paid.number, key))
    visitor.get(link(shop, new_number(), key), status=404)
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("ALTER TABLE order_entries RENAME TO gone")

    visitor.get(link(shop, paid.number, key), expect_errors=True)

    assert "no such table" in caplog.text
    assert key not in caplog.text
    assert EMAIL not in caplog.text


# --- what it says


@pytest.mark.parametrize("status", list(OrderStatus))
def test_each_status_is_said_in_words(shop, buyer, status):
    paid_at = clock.now() if status in PAID_FOR else None
    buyer.change(status=status, paid_at=paid_at)

    page = shop.visitor().get(link(shop, buyer.number))

    assert heading(page) == VERDICTS[status].heading
    assert VERDICTS[status].sentence in words(page)
    receipt = page.html.select_one(".receipt h2").get_text().strip()
    assert receipt == ("Receipt" if paid_at else "Your order")
    assert bool(page.html.select_one(f"a[href='/checkout?item={MOSS}']")) == (
        status in UNPAID | CLOSED
    )


def test_an_open_order_is_paid_by_the_browser_that_made_it(shop, buyer):
    page = buyer.page()
    assert intent_of(page.click("Pay now")) == buyer.intent

    elsewhere = shop.visitor().get(link(shop, buyer.number))
    assert "Pay now" not in words(elsewhere)
    assert intent_of(elsewhere.click("Try again")) != buyer.intent


def test_an_order_that_is_closed_is_tried_again(buyer):
    buyer.sandbox.api("POST", f"/v1/payment_intents/{buyer.intent}/cancel")
    buyer.look()

    page = buyer.page()

    assert heading(page) == "This order was cancelled"
    assert intent_of(page.click("Try again")) != buyer.intent


def test_a_payment_that_contradicts_its_order_is_being_looked_at(buyer):
    buyer.sandbox.confirm(buyer.intent)
    buyer.change(total=2500)
    buyer.look()

    page = buyer.page()

    assert heading(page) == "We are looking into this payment"
    assert "Please do not pay again." in words(page)
    assert not page.html.select("main a[href*=checkout]")


def test_paid_when_the_last_copy_had_gone_is_explained(shop, buyer):
    buyer.change(holding=False, held_until=None)
    shop.change_book(MOSS, stock=0, held=0)
    buyer.pay()
    assert heading(buyer.page()) == "Paid, but the last copy had just gone"

    buyer.sandbox.refund(buyer.intent)
    buyer.look()

    page = buyer.page()
    assert heading(page) == "We have refunded your order"
    assert "The last copy had gone to somebody else a moment before." in words(page)
    assert "We sent £22.00 back to you." in words(page)


def sums(page):
    rows = page.html.select(".totals tr")
    return [[cell.get_text(" ", strip=True) for cell in row.select("th, td")] for row in rows]


def test_the_receipt_says_what_was_refunded_and_what_remains(paid):
    assert [amount for _, amount in sums(paid.page())] == ["£22.00"]

    paid.sandbox.refund(paid.intent, 500)
    paid.look()

    page = paid.page()
    assert heading(page) == "We have refunded part of your order"
    (total, refund, left) = sums(page)
    assert total == ["Total", "£22.00"]
    assert refund[0].startswith("Refund of ")
    assert (refund[1], left) == ("-£5.00", ["Remains paid", "£17.00"])


def test_a_refund_that_failed_is_in_the_timeline_and_not_on_the_receipt(paid):
    refund = paid.sandbox.refund(paid.intent, 500)
    paid.look()
    paid.sandbox.settle_refund(refund["id"], "failed")
    paid.look()

    page = paid.page()

    assert heading(page) == "Your order is paid"
    assert [amount for _, amount in sums(page)] == ["£22.00"]
    assert "A refund of £5.00 did not reach you." in words(page)


def test_a_dispute_is_put_in_neutral_words_and_suspicions_are_not_told(paid):
    paid.sandbox.warn(paid.intent)
    paid.sandbox.review(paid.intent)
    paid.sandbox.dispute(paid.intent, "fraudulent")
    paid.look()

    page = paid.page()

    assert heading(page) == "Your bank has a question about this payment"
    assert not re.search("fraud|dispute|review|warn|suspi", words(page), re.IGNORECASE)


def test_the_timeline_is_dated_and_in_order(shop, paid):
    with shop.registry.services.sessions.begin() as session:
        sent = TransitionContext(
            session, Cause(Actor.STAFF, "ship"), clock.now() + timedelta(days=1)
        )
        ship(sent, session.query(Order).one(), ShipmentRequest({}, tracking="QF 123 456"))

    page = paid.page()

    assert heading(page) == "Your order is on its way"
    assert "1 of 1 sent" in words(page)
    items = page.html.select(".timeline li")
    told = [" ".join(item.get_text(" ").split()) for item in items]
    assert [text.split(" ", 3)[3] for text in told] == [
        "You placed the order.",
        "Your payment arrived.",
        "We sent you Moss. Tracking: QF 123 456",
    ]
    dates = [item.time["datetime"] for item in items]
    assert dates == sorted(dates)


def test_the_address_is_the_one_that_stripe_was_told(paid):
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
    said = words(paid.page())
    assert "Ada <Lovelace> 12 Square Flat 3 London SW1Y 4JH United Kingdom" in said

    paid.change(address={"country": "XX"})
    assert "XX" in words(paid.page())


def test_the_receipt_says_who_sold_what_to_whom(paid):
    receipt = " ".join(paid.page().html.select_one(".receipt").get_text(" ").split())
    for part in (
        "The Test Shelf",
        "hello@shelf.example",
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
    with shop.registry.services.sessions() as session:
        found = session.query(MailRecord).filter_by(kind="link").order_by(MailRecord.id)
        return [(mail.recipient, mail.order.number) for mail in found]


@pytest.mark.parametrize("email", [EMAIL, "ADA@Reader.Example", f"  {EMAIL} "])
def test_a_new_link_is_mailed_to_the_address_of_the_order(shop, buyer, email):
    assert SAID in words(ask(shop.visitor(), buyer.number, email))
    assert mails(shop) == [(EMAIL, buyer.number)]


def test_a_number_is_understood_as_it_is_read_aloud(shop, buyer):
    written = buyer.number.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    ask(shop.visitor(), written, EMAIL)
    assert mails(shop) == [(EMAIL, buyer.number)]


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
def test_no_link_is_mailed_for_another_address(shop, buyer, email):
    assert SAID in words(ask(shop.visitor(), buyer.number, email))
    assert mails(shop) == []


@pytest.mark.parametrize("number", ["", "\0", "1' OR '1'='1", "9" * 5000, "K7QM-2X9T-4BCD"])
def test_no_link_is_mailed_for_another_number(shop, buyer, number):
    assert SAID in words(ask(shop.visitor(), number, EMAIL))
    assert mails(shop) == []


def test_an_order_without_an_address_is_mailed_to_nobody(shop, sandbox):
    visitor = shop.visitor()
    visitor.get(BUY)
    (order,) = shop.orders()
    for email in ("", "None", EMAIL):
        ask(visitor, order.number, email)
    assert mails(shop) == []


def test_the_answer_does_not_say_whether_they_belong_together(shop, buyer):
    browser = shop.visitor()
    ask(browser, "nobody's", EMAIL)  # from now on the browser has its cookie
    first = ask(browser, buyer.number, EMAIL)
    buyer.change(email="somebody.else@reader.example")
    second = ask(browser, buyer.number, EMAIL)

    assert len(mails(shop)) == 1
    assert answer(first) == answer(second)


def test_one_link_an_hour_is_mailed_at_most(shop, buyer, monkeypatch):
    hour = clock.now().replace(minute=0, second=0)
    for minutes in (0, 1, 59):
        monkeypatch.setattr(clock, "now", lambda at=minutes: hour + timedelta(minutes=at))
        ask(shop.visitor(), buyer.number, EMAIL)
    assert len(mails(shop)) == 1

    monkeypatch.setattr(clock, "now", lambda: hour + timedelta(minutes=60))
    ask(shop.visitor(), buyer.number, EMAIL)
    assert len(mails(shop)) == 2


def test_a_form_of_another_site_is_refused_and_shown_again(shop, buyer):
    browser = shop.visitor()
    form = {"number": buyer.number, "email": EMAIL}
    page = browser.post("/orders/", {**form, "csrf_token": "wrong"}, status=400)
    assert mails(shop) == []
    assert "open for too long" in words(page)

    assert SAID in words(page.forms["link-form"].submit())
    assert mails(shop) == [(EMAIL, buyer.number)]


def test_what_was_typed_is_shown_again_as_text(shop):
    page = ask(shop.visitor(), '"><script>', "<b>@x.example")
    assert page.forms["link-form"]["number"].value == '"><script>'
    assert not page.html.select("main script, main b")


def test_a_file_in_a_fields_place_is_no_bug(shop):
    form = shop.visitor().get("/orders/").forms["link-form"]
    token = form["csrf_token"].value
    page = form.response.test_app.post(
        "/orders/", {"csrf_token": token}, upload_files=[("number", "a.txt", b"x")]
    )
    assert SAID in words(page)


def test_the_form_is_accepted_over_https(make_shop, sandbox):
    """Browsers send `Origin: null` from a page with no-referrer, and Pyramid refuses that."""
    shop = make_shop(bookshop__url="https://shelf.example")
    browser = shop.visitor()
    browser.extra_environ.update({"wsgi.url_scheme": "https", "HTTP_HOST": "shelf.example"})
    form = browser.get("/orders/0", status=404).forms["link-form"]
    form["number"], form["email"] = new_number(), EMAIL

    assert SAID in words(form.submit(headers={"Origin": "https://shelf.example"}))
    assert form.submit(headers={"Origin": "null"}, status=400)
