"""From wanting a book to the press of Pay."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
import requests

from bookshop import clock
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.orders.models import Order
from tests.shops import intent_of, pay_form

MOSS = "9786941041210"
LAST_COPY = "9786941031709"
TO_COME = "9786941063403"
EBOOK = "9786941006349"
BUY = f"/checkout?item={MOSS}"


def press_pay(visitor, page, email="ada@reader.example", status=200, **changes):
    form = {**pay_form(page), "email": email, **changes}
    return visitor.post(
        "/checkout", {k: v for k, v in form.items() if v is not None}, status=status
    )


def test_the_checkout_page_has_what_stripes_form_needs(shop, sandbox):
    page = shop.visitor().get(BUY)

    form = page.html.find(id="payment-form")
    intent = sandbox.api("GET", f"/v1/payment_intents/{intent_of(page)}")
    assert form["data-client-secret"] == intent["client_secret"]
    assert form["data-public-key"] == "pk_test_functional"
    assert page.html.find(id="payment-element")
    assert page.html.select_one("button#submit")
    assert page.html.find(id="payment-message")["role"] == "alert"
    email = page.html.select_one("input#email")
    assert "required" in email.attrs
    assert "£22.00" in page.text


def test_the_intent_says_what_the_order_says(shop, sandbox):
    page = shop.visitor().get(BUY)

    (order,) = shop.orders()
    intent = sandbox.api("GET", f"/v1/payment_intents/{order.payment_intent}")
    assert (intent["amount"], intent["currency"]) == (2200, "gbp")
    assert order.total.amount == 2200
    assert intent["metadata"] == {"order": order.number}
    assert intent["description"] == f"Order {order.number}"
    assert intent["automatic_payment_methods"]["enabled"] is True
    assert pay_form(page)["order"] == order.number


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 3800), ("KWD", 8900), ("USD", 2899)])
def test_amounts_go_to_stripe_in_minor_units(make_shop, sandbox, currency, amount):
    shop = make_shop(bookshop__currency=currency)

    shop.visitor().get(BUY)

    (order,) = shop.orders()
    intent = sandbox.api("GET", f"/v1/payment_intents/{order.payment_intent}")
    assert (intent["amount"], intent["currency"]) == (amount, currency.lower())


def test_the_policy_of_the_checkout_page_lets_stripe_in_and_nobody_else(shop, sandbox):
    policy = shop.visitor().get(BUY).headers["Content-Security-Policy"]

    assert f"script-src 'self' {sandbox.url};" in policy
    assert f"frame-src {sandbox.url}" in policy
    assert "unsafe" not in policy


def test_the_checkout_page_is_kept_nowhere(shop):
    page = shop.visitor().get(BUY)

    assert "no-store" in page.headers["Cache-Control"]
    assert "HttpOnly" in page.headers["Set-Cookie"]
    assert "SameSite=Lax" in page.headers["Set-Cookie"]


def test_bug_1_looking_again_finds_the_same_order_and_intent(shop, sandbox):
    visitor = shop.visitor()
    intents = {intent_of(visitor.get(BUY)) for _ in range(5)}

    assert len(intents) == 1
    (order,) = shop.orders()
    assert len(sandbox.intents(order.number)) == 1


def test_bug_1_twenty_looks_at_once_make_one_intent(shop, sandbox, serve):
    url = serve(shop.wsgi, threads=24)
    browser = requests.Session()
    browser.get(f"{url}{BUY}", timeout=20)  # the visitor gets a name
    asked = "/checkout?item=" + EBOOK

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: browser.get(url + asked, timeout=20), range(20)))

    assert {answer.status_code for answer in answers} <= {200, 503}
    assert any(answer.status_code == 200 for answer in answers)
    (order,) = [order for order in shop.orders() if order.lines[0].sku == EBOOK]
    assert [intent["id"] for intent in sandbox.intents(order.number)] == [order.payment_intent]


def test_two_visitors_have_two_orders(shop):
    first, second = intent_of(shop.visitor().get(BUY)), intent_of(shop.visitor().get(BUY))

    assert first != second


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch;prerender"},
        {"Purpose": "prefetch"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
    ],
)
def test_a_page_loaded_ahead_makes_no_order(shop, headers):
    assert shop.visitor().get(BUY, headers=headers).status_int == 204
    assert shop.orders() == []


def test_head_makes_no_order(shop):
    shop.visitor().head(BUY, status="*")

    assert shop.orders() == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/checkout", 404),
        ("/checkout?item=", 404),
        ("/checkout?item=nothing", 404),
        ("/checkout?item=" + "9" * 5000, 404),
        ("/checkout?item=9786941066572", 409),
        ("/checkout?item=BKS-0009", 409),
        ("/checkout?order=", 404),
        ("/checkout?order=K7QM-2X9T-4BCD", 404),
    ],
)
def test_what_cannot_be_bought_is_an_error_and_no_word_to_stripe(shop, sandbox, path, status):
    before = len(sandbox.requests())

    page = shop.visitor().get(path, status=status)

    assert page.html.h1
    assert not page.html.find(id="payment-form")
    assert page.html.select_one("[role=status]").text.strip()
    assert len(sandbox.requests()) == before
    assert shop.orders() == []


def test_any_form_of_an_isbn_buys_the_same_book(shop):
    visitor = shop.visitor()

    assert intent_of(visitor.get(BUY)) == intent_of(visitor.get("/checkout?item=978-69-410-4121-0"))


def test_pressing_pay_holds_a_copy_and_gives_the_address_to_order_and_intent(shop, sandbox):
    visitor = shop.visitor()
    before = clock.now()

    answer = press_pay(visitor, visitor.get(BUY))

    (order,) = shop.orders()
    assert answer.json["order"] == order.number
    until = datetime.fromisoformat(answer.json["held_until"])
    assert before + RESERVATION_TIME <= until <= clock.now() + RESERVATION_TIME
    assert order.email == "ada@reader.example"
    assert shop.book(MOSS).held == 1
    intent = sandbox.api("GET", f"/v1/payment_intents/{order.payment_intent}")
    assert intent["receipt_email"] == "ada@reader.example"


def test_pressing_pay_again_holds_no_second_copy(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    press_pay(visitor, page)

    assert shop.book(MOSS).held == 1


def test_the_last_copy_is_held_for_one(shop, sandbox):
    quick, slow = shop.visitor(), shop.visitor()
    quick_page, slow_page = (
        quick.get(f"/checkout?item={LAST_COPY}"),
        slow.get(f"/checkout?item={LAST_COPY}"),
    )

    press_pay(quick, quick_page)
    answer = press_pay(slow, slow_page, status=409)

    assert "sold" in answer.json["error"]["message"]
    assert shop.book(LAST_COPY).held == 1
    slow.get(f"/checkout?item={LAST_COPY}", status=409)
    assert f"item={LAST_COPY}" not in shop.visitor().get("/")
    # Whoever holds it may look again.
    assert intent_of(quick.get(f"/checkout?item={LAST_COPY}")) == intent_of(quick_page)


def test_a_lapsed_hold_is_anybodys(shop, monkeypatch):
    early, late = shop.visitor(), shop.visitor()
    early_page, late_page = (
        early.get(f"/checkout?item={LAST_COPY}"),
        late.get(f"/checkout?item={LAST_COPY}"),
    )
    press_pay(early, early_page)
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    press_pay(late, late_page)

    assert shop.book(LAST_COPY).held == 1
    press_pay(early, early_page, status=409)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "  ",
        "ada",
        "ada@",
        "@b.example",
        "a b@c.example",
        "x" * 5000,
        "a@b.example\nBcc: c@d.example",
    ],
)
def test_an_address_that_is_none_is_said_at_its_field(shop, email):
    visitor = shop.visitor()

    answer = press_pay(visitor, visitor.get(BUY), email=email, status=422)

    assert answer.json["error"]["field"] == "email"
    assert answer.json["error"]["message"]
    assert shop.book(MOSS).held == 0


def test_an_abandoned_last_copy_is_for_sale_again(shop, monkeypatch):
    gone = shop.visitor()
    press_pay(gone, gone.get(f"/checkout?item={LAST_COPY}"))
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    come = shop.visitor()
    press_pay(come, come.get(f"/checkout?item={LAST_COPY}"))

    assert shop.book(LAST_COPY).held == 1


def test_the_index_shows_it_again_once_it_is_swept(shop, monkeypatch):
    gone = shop.visitor()
    press_pay(gone, gone.get(f"/checkout?item={LAST_COPY}"))
    assert f"item={LAST_COPY}" not in shop.visitor().get("/")
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    shop.registry.job_worker.run_all()

    assert f"item={LAST_COPY}" in shop.visitor().get("/")


@pytest.mark.parametrize("again", ["K7QM-2X9T-4BCD", "x" * 200_000, "", "\0"])
def test_again_counts_for_the_visitors_own_order_only(shop, again):
    visitor = shop.visitor()
    first = intent_of(visitor.get(BUY))

    assert intent_of(visitor.get("/checkout", {"item": MOSS, "again": again})) == first
    assert (
        intent_of(visitor.get("/checkout", {"item": MOSS, "again": shop.orders()[0].number}))
        == first
    )
    stranger = shop.visitor()
    stranger.get(f"/checkout?item={MOSS}&again={shop.orders()[0].number}")
    assert len(shop.orders()) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/checkout?item=%ff",
        "/books/?page=%ff",
        "/success?pi=%ff",
        "/checkout?item=a%00b",
        "/books/a%00b",
    ],
)
def test_what_is_no_text_is_not_found(shop, path):
    shop.visitor().get(path, status=404)


@pytest.mark.parametrize("name", ["email", "order", "revision"])
def test_a_file_in_place_of_a_field_is_refused(shop, name):
    visitor = shop.visitor()
    form = {**pay_form(visitor.get(BUY)), "email": "ada@reader.example"}
    form.pop(name)

    answer = visitor.post("/checkout", form, upload_files=[(name, "x.txt", b"x")], status="*")

    assert answer.status_int in {409, 422}


def test_a_retired_order_is_the_one_that_was_stale_and_no_other(shop, sandbox, monkeypatch):
    """Two tabs find the intent missing; the quick one has placed and paid another by then."""
    visitor = shop.visitor()
    visitor.get(BUY)
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("UPDATE orders SET payment_intent = 'pi_missing'")
    retrieve = shop.registry.services.payments.retrieve_intent

    def slowly(intent_id):
        monkeypatch.setattr(shop.registry.services.payments, "retrieve_intent", retrieve)
        page = visitor.get(BUY)
        press_pay(visitor, page)
        sandbox.confirm(intent_of(page))
        visitor.get(f"/success?pi={intent_of(page)}")
        return retrieve(intent_id)

    monkeypatch.setattr(shop.registry.services.payments, "retrieve_intent", slowly)

    visitor.get(BUY, status=303)

    assert [order.status for order in shop.orders()] == ["cancelled", "paid"]
    assert shop.book(MOSS).stock == 6


def test_bug_12_pay_needs_the_token_of_the_page(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)

    answer = press_pay(visitor, page, csrf_token="0" * 40, status=400)

    assert answer.json["error"]["message"]
    assert shop.book(MOSS).held == 0


def test_another_visitors_order_cannot_be_touched(shop):
    victim, thief = shop.visitor(), shop.visitor()
    victims = pay_form(victim.get(BUY))

    press_pay(thief, thief.get(BUY), order=victims["order"], status=409)

    (order,) = [order for order in shop.orders() if order.number == victims["order"]]
    assert order.email is None
    thief.get(f"/checkout?order={order.number}", status=404)


@pytest.mark.parametrize(
    "extra",
    [
        {"amount": "1"},
        {"total": "1", "price": "1"},
        {"currency": "jpy"},
        {"quantity": "-5"},
        {"item": "9786941050724"},
        {"lines[0][unit_amount]": "1"},
    ],
)
def test_bug_7_no_amount_from_the_browser_counts(shop, sandbox, extra):
    visitor = shop.visitor()
    page = visitor.get(
        BUY, params={"item": MOSS, **{k: v for k, v in extra.items() if k != "item"}}
    )

    press_pay(visitor, page, **extra)

    (order,) = shop.orders()
    intent = sandbox.api("GET", f"/v1/payment_intents/{order.payment_intent}")
    assert (intent["amount"], intent["currency"]) == (2200, "gbp")
    assert order.lines[0].quantity == 1


def test_a_changed_price_updates_the_intent(shop, sandbox):
    visitor = shop.visitor()
    first = visitor.get(BUY)
    shop.change_book(MOSS, amount=2500)

    again = visitor.get(BUY)
    press_pay(visitor, again)

    assert intent_of(again) == intent_of(first)
    assert "£25.00" in again.text
    intent = sandbox.api("GET", f"/v1/payment_intents/{intent_of(again)}")
    assert intent["amount"] == 2500


def test_a_page_of_yesterday_cannot_pay_yesterdays_price(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.change_book(MOSS, amount=2500)

    answer = press_pay(visitor, page, status=409)

    assert "price has changed" in answer.json["error"]["message"]
    assert shop.book(MOSS).held == 0


def test_what_has_left_the_shop_cannot_be_paid(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.change_book(MOSS, availability="40")

    press_pay(visitor, page, status=409)

    assert shop.book(MOSS).held == 0


@pytest.fixture
def lapsed(shop, sandbox, monkeypatch):
    """A visitor who has pressed Pay and not paid; by now the hold has lapsed, the price changed."""
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    shop.change_book(MOSS, amount=2500)
    return visitor, intent_of(page)


def test_once_pay_was_pressed_another_price_is_another_order(shop, sandbox, lapsed):
    visitor, old = lapsed

    page = visitor.get(BUY)

    # Nobody can pay the old total any more, not even in another tab.
    assert sandbox.api("GET", f"/v1/payment_intents/{old}")["status"] == "canceled"
    assert "£25.00" in page
    assert intent_of(page) != old
    press_pay(visitor, page)
    assert shop.book(MOSS).held == 1


def test_what_is_paid_at_the_last_moment_counts_at_its_old_price(shop, sandbox, lapsed):
    visitor, old = lapsed
    sandbox.confirm(old)

    receipt = visitor.get(BUY, status=303).follow()

    assert receipt.html.select_one("[data-outcome=paid]")
    (order,) = shop.orders()
    assert (order.status, order.total.amount) == ("paid", 2200)


def test_bug_9_a_tab_that_shows_the_old_price_cannot_pay(shop, sandbox):
    visitor = shop.visitor()
    old = visitor.get(BUY)
    shop.change_book(MOSS, amount=2500)
    new = visitor.get(BUY)

    answer = press_pay(visitor, old, status=409)

    assert "price" in answer.json["error"]["message"]
    assert shop.book(MOSS).held == 0
    press_pay(visitor, new)


def test_a_price_is_frozen_while_its_copy_is_held(shop, sandbox):
    visitor = shop.visitor()
    press_pay(visitor, visitor.get(BUY))
    shop.change_book(MOSS, amount=2500)

    page = visitor.get(BUY)

    assert "£22.00" in page.text
    assert sandbox.api("GET", f"/v1/payment_intents/{intent_of(page)}")["amount"] == 2200


def test_back_after_paying_shows_the_receipt_and_one_more_is_another_order(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    sandbox.confirm(intent_of(page))

    back = visitor.get(BUY, status=303)

    assert back.location.endswith(f"/success?pi={intent_of(page)}")
    receipt = back.follow()
    assert receipt.html.select_one("[data-outcome=paid]")
    assert shop.book(MOSS).stock == 6
    again = visitor.get(receipt.html.select_one("a[href*='again=']")["href"])
    assert intent_of(again) != intent_of(page)
    assert intent_of(visitor.get(again.request.path_qs)) == intent_of(again)
    press_pay(visitor, page, status=409)


def test_long_after_paying_the_same_page_sells_another(shop, sandbox, monkeypatch):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    sandbox.confirm(intent_of(page))
    visitor.get(BUY, status=303)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)

    assert intent_of(visitor.get(BUY)) != intent_of(page)


def test_a_cancelled_intent_is_followed_by_another_order(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    sandbox.api("POST", f"/v1/payment_intents/{intent_of(page)}/cancel")

    again = visitor.get(BUY)

    assert intent_of(again) != intent_of(page)
    assert [order.status for order in shop.orders()] == ["cancelled", "awaiting_payment"]


def test_an_intent_that_stripe_does_not_know_is_followed_by_another_order(shop, sandbox):
    visitor = shop.visitor()
    visitor.get(BUY)
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql(
            "UPDATE orders SET payment_intent = 'pi_of_other_keys'"
        )

    page = visitor.get(BUY)

    assert intent_of(page).startswith("pi_")
    assert [order.status for order in shop.orders()] == ["cancelled", "awaiting_payment"]


def test_a_declined_card_then_a_good_one_is_one_order_one_intent_one_charge(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    refused = sandbox.confirm(intent_of(page), "pm_card_chargeDeclinedInsufficientFunds")
    assert refused["error"]["decline_code"] == "insufficient_funds"
    back = visitor.get(BUY)
    press_pay(visitor, back)
    sandbox.confirm(intent_of(back))

    visitor.get(f"/success?pi={intent_of(page)}")

    (order,) = shop.orders()
    assert order.status == "paid"
    charges = sandbox.api("GET", "/v1/charges", {"payment_intent": order.payment_intent})["data"]
    assert [charge["paid"] for charge in charges].count(True) == 1
    assert len(sandbox.intents(order.number)) == 1
    assert (shop.book(MOSS).stock, shop.book(MOSS).held) == (6, 0)


def test_an_e_book_has_no_stock_to_run_out_of(shop, sandbox):
    for _ in range(3):
        visitor = shop.visitor()
        page = visitor.get(f"/checkout?item={EBOOK}")
        press_pay(visitor, page)
        sandbox.confirm(intent_of(page))
        visitor.get(f"/success?pi={intent_of(page)}")

    assert [order.status for order in shop.orders()] == ["paid"] * 3
    assert shop.book(EBOOK).stock is None


def test_no_connection_is_held_while_stripe_is_asked(shop, monkeypatch):
    held = []
    gateway = shop.registry.services.payments
    for name in ("create_intent", "retrieve_intent", "update_intent"):
        real = getattr(gateway, name)

        def watched(*args, real=real, **kwargs):
            held.append(shop.registry.services.engine.pool.checkedout())
            return real(*args, **kwargs)

        monkeypatch.setattr(gateway, name, watched)
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    visitor.get(f"/success?pi={intent_of(page)}")

    assert held == [0, 0, 0]


NOT_OUT = "Not out yet: it comes out on 14 March 2030"


def words(page) -> str:
    return " ".join(page.html.main.get_text(" ").split())


@pytest.fixture
def preordered(shop, sandbox):
    """A visitor who has paid for a book that is not out yet, and what they saw on their way."""
    visitor = shop.visitor()
    checkout = visitor.get(f"/checkout?item={TO_COME}")
    press_pay(visitor, checkout)
    held = shop.book(TO_COME).held
    sandbox.confirm(intent_of(checkout))
    receipt = visitor.get(f"/success?pi={intent_of(checkout)}")
    return visitor, checkout, held, receipt


def test_a_book_that_is_not_out_yet_is_charged_today_and_sent_later(shop, preordered):
    visitor, checkout, held, receipt = preordered
    (order,) = shop.orders()
    page = visitor.get(f"/orders/{order.number}")

    assert f"{NOT_OUT}. You are charged today, and we send it then." in words(checkout)
    assert f"{NOT_OUT}, and we send it then." in words(receipt)
    assert f"{NOT_OUT}, and we send it then." in words(page)
    assert "It is not out yet: we write to you when it is on its way." in words(page)
    assert order.status == "paid"
    assert (held, shop.book(TO_COME).stock, shop.book(TO_COME).held) == (1, 39, 0)


def test_the_last_copy_of_a_book_that_is_not_out_yet_says_so_too(shop, preordered):
    visitor, _, _, receipt = preordered
    shop.change_book(TO_COME, stock=0)

    assert NOT_OUT in words(visitor.get(receipt.request.url))


def test_a_book_that_is_put_off_comes_out_on_its_new_day(shop, preordered):
    visitor, _, _, receipt = preordered
    shop.change_book(TO_COME, published=date(2031, 5, 2))

    assert "it comes out on 2 May 2031" in words(visitor.get(receipt.request.url))


@pytest.mark.parametrize("change", ["out", "sent", "cancelled", "short"])
def test_that_it_is_sent_later_is_said_no_longer_than_it_is_true(shop, preordered, change):
    visitor = preordered[0]
    with shop.registry.services.sessions.begin() as session:
        (order,) = session.query(Order)
        (line,) = order.lines
        line.shipped = int(change == "sent")
        order.status = "cancelled" if change == "cancelled" else order.status
        order.short = change == "short"
    if change == "out":
        shop.change_book(TO_COME, published=clock.now().date())

    page = visitor.get(f"/orders/{shop.orders()[0].number}")

    assert "Not out yet" not in words(page)
    assert "It is not out yet" not in words(page)


def test_a_book_that_is_out_is_not_said_to_come(shop):
    assert "Not out yet" not in words(shop.visitor().get(BUY))
