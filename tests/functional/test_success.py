"""The success page: the outcome of a payment, shown to its own customer only."""

import re
from datetime import timedelta

import pytest

from bookshop import clock
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.orders.models import Order
from bookshop.orders.states import FULFILMENT
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import intent_of


@pytest.fixture
def buyer(shop):
    """A visitor who has pressed Pay, and the id of their PaymentIntent."""
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    return visitor, intent_of(page)


def outcome(page) -> str:
    return page.html.select_one("[data-outcome]")["data-outcome"]


def test_paid_order_is_confirmed(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent)

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "paid"
    (order,) = shop.orders()
    receipt = page.html.select_one("[data-order]")
    assert receipt["data-order"] == order.number
    assert receipt.select_one(".total")["data-amount"] == "2200"
    assert "ada@reader.example" in page
    assert order.status == "paid"
    assert (shop.book(MOSS).stock, shop.book(MOSS).reserved) == (6, 0)


def test_reloading_changes_nothing(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent)
    for _ in range(3):
        assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"

    assert shop.book(MOSS).stock == 6


def test_bug_4_redirect_status_in_the_url_pays_nothing(shop, buyer):
    visitor, intent = buyer

    page = visitor.get(f"/success?pi={intent}&redirect_status=succeeded")

    assert outcome(page) == "retry"
    assert shop.orders()[0].status == "awaiting_payment"


def test_failed_payment_links_to_the_same_order_and_intent(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent, "pm_card_chargeDeclinedInsufficientFunds")

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "retry"
    failure = sandbox.api("GET", f"/v1/payment_intents/{intent}")["last_payment_error"]
    assert failure["message"] in page.html.select_one(".lede").get_text()
    retry = visitor.get(page.html.find(id="retry")["href"])
    assert intent_of(retry) == intent
    assert len(shop.orders()) == 1


@pytest.mark.parametrize(
    "card",
    [
        "pm_card_visa_chargeDeclinedLostCard",
        "pm_card_visa_chargeDeclinedStolenCard",
        "pm_card_radarBlock",
    ],
)
def test_fraud_related_decline_reveals_no_reason(sandbox, buyer, card):
    visitor, intent = buyer
    refused = sandbox.confirm(intent, card)
    assert refused["error"]["code"] == "card_declined"

    text = visitor.get(f"/success?pi={intent}").html.main.get_text().lower()

    assert not any(word in text for word in ("lost", "stolen", "fraud"))


def test_processing_payment_keeps_the_reservation(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent, "pm_bacsDebit_success")
    assert outcome(visitor.get(f"/success?pi={intent}")) == "processing"
    assert visitor.get(BUY, status=303).location.endswith(intent)
    assert shop.book(MOSS).reserved == 1

    sandbox.settle(intent, "succeeded")

    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"
    assert (shop.book(MOSS).stock, shop.book(MOSS).reserved) == (6, 0)


def test_failed_bank_debit_can_be_retried(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent, "pm_bacsDebit_success")
    visitor.get(f"/success?pi={intent}")

    sandbox.settle(intent, "failed")

    assert outcome(visitor.get(f"/success?pi={intent}")) == "retry"
    assert intent_of(visitor.get(BUY)) == intent


def test_cancelled_payment_can_be_ordered_again(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.api("POST", f"/v1/payment_intents/{intent}/cancel")

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "cancelled"
    assert shop.book(MOSS).reserved == 0
    assert visitor.get(page.html.find(id="order-again")["href"])


def test_expired_order_can_be_ordered_again(shop, buyer, monkeypatch):
    visitor, intent = buyer
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    shop.registry.job_worker.run_all()

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "expired"
    assert intent_of(visitor.get(page.html.find(id="order-again")["href"])) != intent


def test_payment_after_expiry_is_confirmed(shop, sandbox, buyer):
    visitor, intent = buyer
    with shop.registry.services.sessions.begin() as session:
        session.query(Order).update({"status": "expired", "dedup_key": None})
    assert outcome(visitor.get(f"/success?pi={intent}")) == "expired"

    sandbox.confirm(intent)

    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"


@pytest.mark.parametrize(
    ("amount", "amounts_shown"), [(500, ["£5.00", "£22.00"]), (2200, ["£22.00"])]
)
def test_refunded_amount_is_shown(sandbox, buyer, amount, amounts_shown):
    visitor, intent = buyer
    sandbox.confirm(intent)
    sandbox.refund(intent, amount)

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "refunded"
    assert page.html.select_one("[data-order]")["data-refunded"] == str(amount)
    assert re.findall(r"£\d+\.\d\d", page.html.select_one(".lede").get_text()) == amounts_shown


@pytest.mark.parametrize("answer", ["won", "lost"])
def test_disputed_order_stays_paid(sandbox, buyer, answer):
    visitor, intent = buyer
    sandbox.confirm(intent)
    dispute = sandbox.dispute(intent)
    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"

    sandbox.settle_dispute(dispute["id"], answer)

    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"


@pytest.mark.parametrize("status", FULFILMENT)
def test_shipped_order_stays_paid(shop, sandbox, buyer, status):
    visitor, intent = buyer
    sandbox.confirm(intent)
    visitor.get(f"/success?pi={intent}")
    copies = {"paid": 0, "partly_shipped": 1}.get(status, 2)
    with shop.registry.services.sessions.begin() as session:
        order = session.query(Order).one()
        order.status, line = status, order.lines[0]
        line.quantity, line.unit_amount = 2, line.unit_amount // 2
        line.shipped, line.digital = copies, status == "delivered"

    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"
    assert shop.orders()[0].status == status


@pytest.mark.parametrize("card", [None, "pm_card_visa", "pm_card_chargeDeclined"])
def test_order_page_is_linked_for_every_outcome(shop, sandbox, buyer, card):
    visitor, intent = buyer
    if card:
        sandbox.confirm(intent, card)

    page = visitor.get(f"/success?pi={intent}")

    (order,) = shop.orders()
    order_page = page.click(linkid="view-order")
    assert order_page.html.article["data-order"] == order.number


MADE_UP = [
    "",
    "?pi=",
    "?pi=pi_madeUp0123456789",
    "?pi=../v1/customers",
    "?pi=pi_1/../../x",
    "?pi=" + "pi_" + "x" * 5000,
    "?pi=%00",
    "?pi=pi_%F0%9F%93%9A",
    "?pi=sk_test_functional",
    "?payment_intent=pi_madeUp0123456789&payment_intent_client_secret=pi_madeUp_secret_x",
]


@pytest.mark.parametrize("query", MADE_UP)
def test_bug_8_unknown_intent_ids_are_not_sent_to_stripe(shop, sandbox, query):
    before = len(sandbox.requests())

    page = shop.visitor().get(f"/success{query}", status=404)

    assert outcome(page) == "unknown"
    assert len(sandbox.requests()) == before


def test_bug_8_intent_of_another_session_looks_unknown(shop, sandbox, buyer):
    _, intent = buyer
    sandbox.confirm(intent)

    page = shop.visitor().get(f"/success?pi={intent}", status=404)
    none = shop.visitor().get("/success?pi=pi_madeUp0123456789", status=404)

    assert page.text == none.text
    assert (
        shop.visitor()
        .get(f"/success?pi={intent}&payment_intent_client_secret=wrong", status=404)
        .text
        == none.text
    )
    assert "ada@reader.example" not in page
    assert "Moss" not in page


def test_client_secret_opens_the_order_and_is_removed_from_the_url(shop, sandbox, buyer):
    _, intent = buyer
    secret = sandbox.confirm(intent)["client_secret"]
    elsewhere = shop.visitor()

    seen = elsewhere.get(
        "/success",
        {
            "payment_intent": intent,
            "payment_intent_client_secret": secret,
            "redirect_status": "succeeded",
        },
        status=303,
    )

    assert secret not in seen.location
    assert outcome(seen.follow()) == "paid"
    assert secret not in seen.follow().text


def test_client_secret_is_removed_from_the_buyers_url(sandbox, buyer):
    visitor, intent = buyer
    secret = sandbox.confirm(intent)["client_secret"]

    seen = visitor.get(
        f"/success?pi={intent}&payment_intent={intent}&payment_intent_client_secret={secret}",
        status=303,
    )

    assert seen.location.endswith(f"/success?pi={intent}")


def test_mismatched_payment_cannot_be_paid_again(shop, sandbox, buyer, caplog):
    visitor, intent = buyer
    sandbox.confirm(intent)
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("UPDATE orders SET total = 2500")

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "checking"
    assert outcome(visitor.get(BUY, status=303).follow()) == "checking"
    assert shop.orders()[0].status == "awaiting_payment"
    assert "payment_mismatch" in caplog.messages


def test_client_secret_is_hidden_when_stripe_fails(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1")
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    intent = sandbox.confirm(intent_of(page))
    sandbox.fault(method="GET", path=f"/v1/payment_intents/{intent['id']}", kind="reset", times=9)

    url = f"/success?pi={intent['id']}&payment_intent_client_secret={intent['client_secret']}"
    answer = visitor.get(url, status=303)

    assert intent["client_secret"] not in answer.location + answer.text
    assert intent["client_secret"] not in answer.follow(status=503)


def test_an_order_that_is_recorded_as_paid_is_shown_without_stripe(sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent)
    visitor.get(f"/success?pi={intent}")
    requests = len(sandbox.requests())

    pages = [visitor.get(f"/success?pi={intent}") for _ in range(3)]

    assert all(page.html.select_one("[data-outcome=paid]") for page in pages)
    assert len(sandbox.requests()) == requests


def test_the_redirect_that_hides_the_client_secret_does_not_call_stripe(sandbox, buyer):
    visitor, intent = buyer
    secret = sandbox.confirm(intent)["client_secret"]
    requests = len(sandbox.requests())

    visitor.get(f"/success?pi={intent}&payment_intent_client_secret={secret}", status=303)

    assert len(sandbox.requests()) == requests


@pytest.mark.parametrize("card", [None, "pm_card_visa", "pm_card_visa_chargeDeclined"])
def test_sentences_are_separated_by_spaces(sandbox, buyer, card):
    visitor, intent = buyer
    if card:
        sandbox.confirm(intent, card)

    text = visitor.get(f"/success?pi={intent}").html.select_one(".lede").get_text()

    assert not re.search(r"[.:][A-Z]", text)


def test_payment_for_a_sold_out_book_is_explained(shop, sandbox, buyer):
    visitor, intent = buyer
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql(
            "UPDATE orders SET stock_reserved = 0, reserved_until = NULL"
        )
    shop.change_book(MOSS, stock=0, reserved=0)
    sandbox.confirm(intent)

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "out_of_stock"
    assert "£22.00" in page.html.select_one(".lede").get_text()
    assert outcome(visitor.get(f"/success?pi={intent}")) == "out_of_stock"
    assert (shop.book(MOSS).stock, shop.book(MOSS).reserved) == (0, 0)


def test_success_page_is_not_cached(buyer):
    visitor, intent = buyer

    assert "no-store" in visitor.get(f"/success?pi={intent}").headers["Cache-Control"]
