"""The checkout page and its Pay button."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
import requests

from bookshop import clock
from bookshop.catalogue.jobs import run_catalogue_jobs
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.orders.models import Order
from bookshop.sandbox.api import parameters
from tests.demo_books import BRIDGES, EBOOK, LAST_COPY, MOSS, PREORDER, SOLD_OUT
from tests.shops import intent_of, pay_form

BUY = f"/checkout?item={MOSS}"


def press_pay(visitor, page, email="ada@reader.example", status=200, **changes):
    form = {**pay_form(page), "email": email, **changes}
    return visitor.post(
        "/checkout", {k: v for k, v in form.items() if v is not None}, status=status
    )


def total_of(page) -> int:
    """The total that a page shows, in minor units."""
    return int(page.html.select_one(".total")["data-amount"])


def test_checkout_page_has_the_payment_form_and_client_secret(shop, sandbox):
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
    assert total_of(page) == 2200


def test_intent_matches_the_order(shop, sandbox):
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


def test_content_security_policy_of_checkout_allows_stripe_only(shop, sandbox):
    policy = shop.visitor().get(BUY).headers["Content-Security-Policy"]

    assert f"script-src 'self' {sandbox.url};" in policy
    assert f"frame-src {sandbox.url}" in policy
    assert "unsafe" not in policy


def test_checkout_page_is_not_cached(shop):
    page = shop.visitor().get(BUY)

    assert "no-store" in page.headers["Cache-Control"]
    assert "HttpOnly" in page.headers["Set-Cookie"]
    assert "SameSite=Lax" in page.headers["Set-Cookie"]


def test_bug_1_reloading_keeps_one_order_and_one_intent(shop, sandbox):
    visitor = shop.visitor()
    intents = {intent_of(visitor.get(BUY)) for _ in range(5)}

    assert len(intents) == 1
    (order,) = shop.orders()
    assert len(sandbox.intents(order.number)) == 1


def test_bug_1_twenty_concurrent_loads_make_one_intent(shop, sandbox, serve):
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
def test_prefetch_makes_no_order(shop, headers):
    assert shop.visitor().get(BUY, headers=headers).status_int == 204
    assert shop.orders() == []


def test_head_makes_no_order(shop):
    shop.visitor().head(BUY, status="*")

    assert shop.orders() == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/checkout", 404, "unknown_item"),
        ("/checkout?item=", 404, "unknown_item"),
        ("/checkout?item=nothing", 404, "unknown_item"),
        ("/checkout?item=" + "9" * 5000, 404, "unknown_item"),
        (f"/checkout?item={SOLD_OUT}", 409, "unavailable"),
        ("/checkout?item=BKS-0009", 409, "unavailable"),
        ("/checkout?order=", 404, "order_closed"),
        ("/checkout?order=K7QM-2X9T-4BCD", 404, "order_closed"),
    ],
)
def test_unavailable_item_is_refused_without_a_request_to_stripe(shop, sandbox, path, status, code):
    before = len(sandbox.requests())

    page = shop.visitor().get(path, status=status)

    assert not page.html.find(id="payment-form")
    assert page.html.select_one("[data-error-code]")["data-error-code"] == code
    assert page.html.select_one("[role=status]").text.strip()
    assert len(sandbox.requests()) == before
    assert shop.orders() == []


def test_price_that_stripe_cannot_charge_is_never_offered(shop, sandbox):
    shop.change_book(MOSS, amount=20)
    before = len(sandbox.requests())
    visitor = shop.visitor()

    page = visitor.get(f"/books/{MOSS}")
    refused = visitor.get(BUY, status=409)

    assert page.html.select_one(".offer [data-availability]")["data-availability"] == "not_for_sale"
    assert not page.html.select_one(".offer a")
    assert f"item={MOSS}" not in visitor.get("/")
    assert refused.html.select_one("[data-error-code]")["data-error-code"] == "unavailable"
    assert len(sandbox.requests()) == before


def test_book_under_embargo_goes_on_sale_at_midnight_of_the_shop(make_shop, monkeypatch):
    shop = make_shop(bookshop__timezone="America/Los_Angeles")
    evening = datetime(2026, 11, 27, 3, 5, tzinfo=UTC)  # still the 26th in Los Angeles
    monkeypatch.setattr(clock, "now", lambda: evening)
    shop.change_book(MOSS, on_sale=date(2026, 11, 27))
    visitor = shop.visitor()

    before = visitor.get(f"/books/{MOSS}")
    midnight = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: midnight)
    services = shop.registry.services
    run_catalogue_jobs(services.engine, services.sales_context)
    after = visitor.get(f"/books/{MOSS}")

    offered = [page.html.select_one(".offer [data-availability]") for page in (before, after)]
    assert offered[0]["data-availability"] == "preorder"
    assert offered[0]["data-release-date"] == "2026-11-27"
    assert offered[1]["data-availability"] in {"in_stock", "low_stock"}
    assert before.headers["ETag"] != after.headers["ETag"]


@pytest.mark.parametrize("typed", ["978-69-410-4121-0", "ISBN 9786941041210", "'9786941041210"])
def test_any_form_of_an_isbn_buys_the_same_book(shop, typed):
    visitor = shop.visitor()

    same = visitor.get("/checkout", {"item": typed})
    assert intent_of(visitor.get(BUY)) == intent_of(same)


def test_pay_reserves_a_copy_and_stores_the_email(shop, sandbox):
    visitor = shop.visitor()
    before = clock.now()

    answer = press_pay(visitor, visitor.get(BUY))

    (order,) = shop.orders()
    assert answer.json["order"] == order.number
    until = datetime.fromisoformat(answer.json["held_until"])
    assert before + RESERVATION_TIME <= until <= clock.now() + RESERVATION_TIME
    assert order.email == "ada@reader.example"
    assert shop.book(MOSS).reserved == 1
    intent = sandbox.api("GET", f"/v1/payment_intents/{order.payment_intent}")
    assert intent["receipt_email"] == "ada@reader.example"


def test_pay_twice_reserves_one_copy(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    press_pay(visitor, page)

    assert shop.book(MOSS).reserved == 1


def test_last_copy_is_reserved_for_one_customer(shop, sandbox):
    quick, slow = shop.visitor(), shop.visitor()
    quick_page, slow_page = (
        quick.get(f"/checkout?item={LAST_COPY}"),
        slow.get(f"/checkout?item={LAST_COPY}"),
    )

    press_pay(quick, quick_page)
    answer = press_pay(slow, slow_page, status=409)

    assert answer.json["error"]["code"] == "out_of_stock"
    assert shop.book(LAST_COPY).reserved == 1
    slow.get(f"/checkout?item={LAST_COPY}", status=409)
    assert f"item={LAST_COPY}" not in shop.visitor().get("/")
    # The customer who reserved it can still open the checkout.
    assert intent_of(quick.get(f"/checkout?item={LAST_COPY}")) == intent_of(quick_page)


def test_expired_reservation_frees_the_copy(shop, monkeypatch):
    early, late = shop.visitor(), shop.visitor()
    early_page, late_page = (
        early.get(f"/checkout?item={LAST_COPY}"),
        late.get(f"/checkout?item={LAST_COPY}"),
    )
    press_pay(early, early_page)
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    press_pay(late, late_page)

    assert shop.book(LAST_COPY).reserved == 1
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
def test_invalid_email_is_reported_at_its_field(shop, email):
    visitor = shop.visitor()

    answer = press_pay(visitor, visitor.get(BUY), email=email, status=422)

    error = answer.json["error"]
    assert (error["code"], error["field"]) == ("invalid_email", "email")
    assert error["message"]
    assert shop.book(MOSS).reserved == 0


def test_abandoned_last_copy_can_be_bought_again(shop, monkeypatch):
    gone = shop.visitor()
    press_pay(gone, gone.get(f"/checkout?item={LAST_COPY}"))
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    come = shop.visitor()
    press_pay(come, come.get(f"/checkout?item={LAST_COPY}"))

    assert shop.book(LAST_COPY).reserved == 1


def test_index_offers_the_copy_again_after_the_expiry_job(shop, monkeypatch):
    gone = shop.visitor()
    press_pay(gone, gone.get(f"/checkout?item={LAST_COPY}"))
    assert f"item={LAST_COPY}" not in shop.visitor().get("/")
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    shop.registry.job_worker.run_all()

    assert f"item={LAST_COPY}" in shop.visitor().get("/")


@pytest.mark.parametrize("again", ["K7QM-2X9T-4BCD", "x" * 200_000, "", "\0"])
def test_again_parameter_applies_to_own_orders_only(shop, again):
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
def test_undecodable_parameters_are_not_found(shop, path):
    shop.visitor().get(path, status=404)


@pytest.mark.parametrize("name", ["email", "order", "revision"])
def test_uploaded_file_instead_of_a_field_is_refused(shop, name):
    visitor = shop.visitor()
    form = {**pay_form(visitor.get(BUY)), "email": "ada@reader.example"}
    form.pop(name)

    answer = visitor.post("/checkout", form, upload_files=[(name, "x.txt", b"x")], status="*")

    assert answer.status_int in {409, 422}


def test_only_the_stale_order_is_cancelled(shop, sandbox, monkeypatch):
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


@pytest.mark.parametrize(
    ("email", "receipt"),
    [("ada@bücher.example", "ada@xn--bcher-kva.example"), ("jöran@mail.example", None)],
)
def test_address_that_stripe_does_not_accept_pays_in_ascii_or_without_a_receipt(
    shop, sandbox, email, receipt
):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page, email="first@mail.example")

    answer = press_pay(visitor, page, email=email)

    assert answer.json["receipt_email"] == (receipt or "")
    assert sandbox.intent(intent_of(page))["receipt_email"] == receipt
    assert shop.orders()[0].email == email


def test_address_that_stripe_refuses_pays_without_a_receipt(shop, sandbox, monkeypatch, caplog):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    monkeypatch.setattr(parameters, "EMAIL", re.compile("nothing"))

    press_pay(visitor, page)

    assert sandbox.intent(intent_of(page))["receipt_email"] is None
    assert "receipt_address_refused" in caplog.messages
    assert shop.book(MOSS).reserved == 1


def test_browser_without_cookies_gets_the_reason_and_makes_no_second_order(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    visitor.reset()

    refused = press_pay(visitor, page, status=400)
    way_on = page.html.select_one("#payment-end a")["href"]
    closed = visitor.get(way_on, status=404)

    assert refused.json["error"]["code"] == "no_session_cookie"
    assert refused.json["error"]["final"] is True
    assert closed.html.select_one("[data-error-code]")["data-error-code"] == "order_closed"
    assert len(shop.orders()) == 1


def test_last_copy_sold_meanwhile_ends_the_page(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.change_book(MOSS, stock=0)

    error = press_pay(visitor, page, status=409).json["error"]

    assert (error["code"], error["final"]) == ("out_of_stock", True)
    assert press_pay(visitor, page, email="x", status=422).json["error"]["final"] is False


def test_bug_12_pay_needs_the_csrf_token(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)

    answer = press_pay(visitor, page, csrf_token="0" * 40, status=400)

    assert answer.json["error"]["code"] == "stale_page"
    assert shop.book(MOSS).reserved == 0


def test_order_of_another_session_cannot_be_changed(shop):
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
        {"item": BRIDGES},
        {"lines[0][unit_amount]": "1"},
    ],
)
def test_bug_7_amounts_from_the_browser_are_ignored(shop, sandbox, extra):
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
    assert total_of(again) == 2500
    intent = sandbox.api("GET", f"/v1/payment_intents/{intent_of(again)}")
    assert intent["amount"] == 2500


def test_outdated_page_cannot_pay_the_old_price(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.change_book(MOSS, amount=2500)

    answer = press_pay(visitor, page, status=409)

    assert answer.json["error"]["code"] == "total_changed"
    assert shop.book(MOSS).reserved == 0


def test_unavailable_book_cannot_be_paid(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.change_book(MOSS, availability="40")

    answer = press_pay(visitor, page, status=409)

    assert answer.json["error"]["code"] == "unavailable"
    assert shop.book(MOSS).reserved == 0


@pytest.fixture
def lapsed(shop, sandbox, monkeypatch):
    """A visitor with an expired, unpaid reservation; the price has changed since."""
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    shop.change_book(MOSS, amount=2500)
    return visitor, intent_of(page)


def test_price_change_after_pay_makes_a_new_order(shop, sandbox, lapsed):
    visitor, old = lapsed

    page = visitor.get(BUY)

    # The old total can no longer be paid, not even in another tab.
    assert sandbox.api("GET", f"/v1/payment_intents/{old}")["status"] == "canceled"
    assert total_of(page) == 2500
    assert intent_of(page) != old
    press_pay(visitor, page)
    assert shop.book(MOSS).reserved == 1


def test_late_payment_settles_the_order_at_its_old_price(shop, sandbox, lapsed):
    visitor, old = lapsed
    sandbox.confirm(old)

    receipt = visitor.get(BUY, status=303).follow()

    assert receipt.html.select_one("[data-outcome=paid]")
    (order,) = shop.orders()
    assert (order.status, order.total.amount) == ("paid", 2200)


def test_bug_9_tab_with_the_old_price_cannot_pay(shop, sandbox):
    visitor = shop.visitor()
    old = visitor.get(BUY)
    shop.change_book(MOSS, amount=2500)
    new = visitor.get(BUY)

    answer = press_pay(visitor, old, status=409)

    assert answer.json["error"]["code"] == "total_changed"
    assert shop.book(MOSS).reserved == 0
    press_pay(visitor, new)


def test_price_is_frozen_while_a_copy_is_reserved(shop, sandbox):
    visitor = shop.visitor()
    press_pay(visitor, visitor.get(BUY))
    shop.change_book(MOSS, amount=2500)

    page = visitor.get(BUY)

    assert total_of(page) == 2200
    assert sandbox.api("GET", f"/v1/payment_intents/{intent_of(page)}")["amount"] == 2200


def test_returning_after_payment_shows_the_receipt_and_can_order_again(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    sandbox.confirm(intent_of(page))

    back = visitor.get(BUY, status=303)

    assert back.location.endswith(f"/success?pi={intent_of(page)}")
    receipt = back.follow()
    assert receipt.html.select_one("[data-outcome=paid]")
    assert shop.book(MOSS).stock == 6
    again = visitor.get(receipt.html.find(id="order-again")["href"])
    assert intent_of(again) != intent_of(page)
    assert intent_of(visitor.get(again.request.path_qs)) == intent_of(again)
    press_pay(visitor, page, status=409)


def test_next_day_the_same_link_makes_a_new_order(shop, sandbox, monkeypatch):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    sandbox.confirm(intent_of(page))
    visitor.get(BUY, status=303)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)

    assert intent_of(visitor.get(BUY)) != intent_of(page)


def test_cancelled_intent_leads_to_a_new_order(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    sandbox.api("POST", f"/v1/payment_intents/{intent_of(page)}/cancel")

    again = visitor.get(BUY)

    assert intent_of(again) != intent_of(page)
    assert [order.status for order in shop.orders()] == ["cancelled", "awaiting_payment"]


def test_intent_unknown_to_stripe_leads_to_a_new_order(shop, sandbox):
    visitor = shop.visitor()
    visitor.get(BUY)
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql(
            "UPDATE orders SET payment_intent = 'pi_of_other_keys'"
        )

    page = visitor.get(BUY)

    assert intent_of(page).startswith("pi_")
    assert [order.status for order in shop.orders()] == ["cancelled", "awaiting_payment"]


def test_declined_then_accepted_card_is_one_order_and_one_charge(shop, sandbox):
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
    assert (shop.book(MOSS).stock, shop.book(MOSS).reserved) == (6, 0)


def test_e_book_never_runs_out_of_stock(shop, sandbox):
    for _ in range(3):
        visitor = shop.visitor()
        page = visitor.get(f"/checkout?item={EBOOK}")
        press_pay(visitor, page)
        sandbox.confirm(intent_of(page))
        visitor.get(f"/success?pi={intent_of(page)}")

    assert [order.status for order in shop.orders()] == ["paid"] * 3
    assert shop.book(EBOOK).stock is None


def test_no_database_connection_is_held_during_stripe_requests(shop, monkeypatch):
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


def release_date(page) -> str | None:
    """The release date that a page shows beside a pre-ordered book."""
    note = page.html.select_one("[data-release-date]")
    return note and note["data-release-date"]


@pytest.fixture
def preordered(shop, sandbox):
    """A visitor with a paid pre-order, and the pages and the reservation on the way."""
    visitor = shop.visitor()
    checkout = visitor.get(f"/checkout?item={PREORDER}")
    press_pay(visitor, checkout)
    held = shop.book(PREORDER).reserved
    sandbox.confirm(intent_of(checkout))
    receipt = visitor.get(f"/success?pi={intent_of(checkout)}")
    return visitor, checkout, held, receipt


def test_preorder_is_paid_now_and_sent_on_publication(shop, preordered):
    visitor, checkout, held, receipt = preordered
    (order,) = shop.orders()
    page = visitor.get(f"/orders/{order.number}")

    assert {release_date(each) for each in (checkout, receipt, page)} == {"2030-03-14"}
    assert page.html.article["data-status"] == "preorder"
    assert order.status == "paid"
    assert (held, shop.book(PREORDER).stock, shop.book(PREORDER).reserved) == (1, 39, 0)


def test_last_copy_of_a_preorder_shows_its_release_date(shop, preordered):
    visitor, _, _, receipt = preordered
    shop.change_book(PREORDER, stock=0)

    assert release_date(visitor.get(receipt.request.url)) == "2030-03-14"


def test_postponed_preorder_shows_its_new_release_date(shop, preordered):
    visitor, _, _, receipt = preordered
    shop.change_book(PREORDER, published=date(2031, 5, 2))

    assert release_date(visitor.get(receipt.request.url)) == "2031-05-02"


@pytest.mark.parametrize("change", ["out", "sent", "cancelled", "out_of_stock"])
def test_release_date_is_hidden_when_it_no_longer_applies(shop, preordered, change):
    visitor = preordered[0]
    with shop.registry.services.sessions.begin() as session:
        (order,) = session.query(Order)
        (line,) = order.lines
        line.shipped = int(change == "sent")
        order.status = "cancelled" if change == "cancelled" else order.status
        order.out_of_stock = change == "out_of_stock"
    if change == "out":
        shop.change_book(PREORDER, published=clock.now().date())

    page = visitor.get(f"/orders/{shop.orders()[0].number}")

    assert release_date(page) is None
    assert page.html.article["data-status"] != "preorder"


def test_published_book_shows_no_release_date(shop):
    assert release_date(shop.visitor().get(BUY)) is None


# --- payments that skip Pay


def run_jobs(shop):
    for job in shop.registry.jobs:
        if job.name == "orders":
            job.function()


def test_a_payment_that_skips_pay_at_an_old_price_is_refunded_and_explained(
    make_each_shop, sandbox
):
    shop = make_each_shop()
    visitor = shop.visitor()
    intent = intent_of(visitor.get(BUY))
    shop.change_book(MOSS, amount=2500)
    sandbox.confirm(intent)

    page = visitor.get(f"/success?pi={intent}")

    assert page.html.select_one("[data-outcome]")["data-outcome"] == "price_changed"
    (order,) = shop.orders()
    assert (order.status, order.rejection, order.total.amount) == ("paid", "price_changed", 2200)
    run_jobs(shop)
    (order,) = shop.orders()
    assert (order.status, order.refunded.amount) == ("refunded", 2200)
    page = visitor.get(f"/orders/{order.number}")
    events = [each["data-timeline-event"] for each in page.html.select("[data-timeline-event]")]
    assert "price_changed" in events
    assert total_of(visitor.get(BUY)) == 2500


def test_a_payment_that_skips_pay_is_kept_while_the_offer_is_the_same(shop, sandbox):
    visitor = shop.visitor()
    intent = intent_of(visitor.get(BUY))
    sandbox.confirm(intent)

    page = visitor.get(f"/success?pi={intent}")

    assert page.html.select_one("[data-outcome]")["data-outcome"] == "paid"
    assert shop.orders()[0].accepted


@pytest.mark.parametrize(
    "change",
    [{"amount": 2500}, {"availability": "40"}, {"availability": "31"}, {"stock": 0}],
    ids=["another price", "no longer available", "temporarily unavailable", "sold out"],
)
def test_an_intent_without_a_reservation_is_cancelled_when_the_offer_changes(shop, sandbox, change):
    intent = intent_of(shop.visitor().get(BUY))
    shop.change_book(MOSS, **change)

    run_jobs(shop)

    assert sandbox.api("GET", f"/v1/payment_intents/{intent}")["status"] == "canceled"
    assert shop.orders()[0].status == "cancelled"
    run_jobs(shop)
    assert shop.orders()[0].status == "cancelled"


def test_a_page_open_since_before_the_price_changed_leads_to_an_order_at_the_new_one(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.change_book(MOSS, amount=2500)
    run_jobs(shop)

    answer = press_pay(visitor, page, status=409)

    assert answer.json["error"]["code"] == "order_closed"
    page = visitor.get(BUY)
    assert total_of(page) == 2500
    press_pay(visitor, page)
