"""What became of a payment, for the one who made it and nobody else."""

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
    """A visitor who has pressed Pay, and the PaymentIntent that they pay with."""
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    return visitor, intent_of(page)


def outcome(page) -> str:
    return page.html.select_one("[data-outcome]")["data-outcome"]


def test_paid(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent)

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "paid"
    (order,) = shop.orders()
    assert order.number in page
    assert "ada@reader.example" in page
    assert "£22.00" in page
    assert order.status == "paid"
    assert (shop.book(MOSS).stock, shop.book(MOSS).held) == (6, 0)


def test_looking_again_changes_nothing(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent)
    for _ in range(3):
        assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"

    assert shop.book(MOSS).stock == 6


def test_bug_4_what_the_address_claims_pays_nothing(shop, buyer):
    visitor, intent = buyer

    page = visitor.get(f"/success?pi={intent}&redirect_status=succeeded")

    assert outcome(page) == "retry"
    assert shop.orders()[0].status == "awaiting_payment"


def test_a_failed_payment_links_back_to_the_same_order_and_intent(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent, "pm_card_chargeDeclinedInsufficientFunds")

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "retry"
    assert "insufficient funds" in page
    retry = visitor.get(page.html.select_one(".status-panel a.button")["href"])
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
def test_a_suspicious_decline_reads_like_any_other(sandbox, buyer, card):
    visitor, intent = buyer
    refused = sandbox.confirm(intent, card)
    assert refused["error"]["code"] == "card_declined"

    text = visitor.get(f"/success?pi={intent}").html.main.get_text().lower()

    assert not any(word in text for word in ("lost", "stolen", "fraud"))


def test_a_payment_on_its_way_keeps_the_copy_and_settles_later(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent, "pm_bacsDebit_success")
    assert outcome(visitor.get(f"/success?pi={intent}")) == "processing"
    assert visitor.get(BUY, status=303).location.endswith(intent)
    assert shop.book(MOSS).held == 1

    sandbox.settle(intent, "succeeded")

    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"
    assert (shop.book(MOSS).stock, shop.book(MOSS).held) == (6, 0)


def test_a_payment_on_its_way_that_fails_can_be_made_again(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.confirm(intent, "pm_bacsDebit_success")
    visitor.get(f"/success?pi={intent}")

    sandbox.settle(intent, "failed")

    assert outcome(visitor.get(f"/success?pi={intent}")) == "retry"
    assert intent_of(visitor.get(BUY)) == intent


def test_cancelled(shop, sandbox, buyer):
    visitor, intent = buyer
    sandbox.api("POST", f"/v1/payment_intents/{intent}/cancel")

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "cancelled"
    assert shop.book(MOSS).held == 0
    assert visitor.get(page.html.select_one("a[href*='again=']")["href"])


def test_an_order_that_was_not_paid_in_time(shop, buyer, monkeypatch):
    visitor, intent = buyer
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    shop.registry.job_worker.run_all()

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "expired"
    assert intent_of(visitor.get(page.html.select_one("a[href*='again=']")["href"])) != intent


def test_a_payment_that_lands_after_all_is_said(shop, sandbox, buyer):
    visitor, intent = buyer
    with shop.registry.services.sessions.begin() as session:
        session.query(Order).update({"status": "expired", "basis": None})
    assert outcome(visitor.get(f"/success?pi={intent}")) == "expired"

    sandbox.confirm(intent)

    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (500, "£5.00 of the £22.00 that you paid goes back to where it came from. A bank"),
        (2200, "All of the £22.00 that you paid goes back to where it came from. A bank"),
    ],
)
def test_refunded(sandbox, buyer, amount, said):
    visitor, intent = buyer
    sandbox.confirm(intent)
    sandbox.refund(intent, amount)

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "refunded"
    assert said in " ".join(page.html.main.get_text().split())


@pytest.mark.parametrize("answer", ["won", "lost"])
def test_a_dispute_is_no_news(sandbox, buyer, answer):
    visitor, intent = buyer
    sandbox.confirm(intent)
    dispute = sandbox.dispute(intent)
    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"

    sandbox.settle_dispute(dispute["id"], answer)

    assert outcome(visitor.get(f"/success?pi={intent}")) == "paid"


@pytest.mark.parametrize("status", FULFILMENT)
def test_what_is_sent_stays_paid(shop, sandbox, buyer, status):
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
def test_the_order_has_a_page_whatever_came_of_the_payment(shop, sandbox, buyer, card):
    visitor, intent = buyer
    if card:
        sandbox.confirm(intent, card)

    page = visitor.get(f"/success?pi={intent}")

    (order,) = shop.orders()
    assert order.number in page.click("See your order").html.title.get_text()


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
def test_bug_8_an_id_that_is_not_ours_is_not_even_asked_for(shop, sandbox, query):
    before = len(sandbox.requests())

    page = shop.visitor().get(f"/success{query}", status=404)

    assert outcome(page) == "unknown"
    assert len(sandbox.requests()) == before


def test_bug_8_another_visitors_payment_is_the_page_of_none(shop, sandbox, buyer):
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


def test_the_client_secret_opens_the_order_and_leaves_the_address(shop, sandbox, buyer):
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


def test_the_return_of_a_redirect_loses_its_secret_for_the_buyer_too(sandbox, buyer):
    visitor, intent = buyer
    secret = sandbox.confirm(intent)["client_secret"]

    seen = visitor.get(
        f"/success?pi={intent}&payment_intent={intent}&payment_intent_client_secret={secret}",
        status=303,
    )

    assert seen.location.endswith(f"/success?pi={intent}")


def test_a_payment_that_contradicts_its_order_is_not_asked_for_again(shop, sandbox, buyer, caplog):
    visitor, intent = buyer
    sandbox.confirm(intent)
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("UPDATE orders SET total = 2500")

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "checking"
    assert outcome(visitor.get(BUY, status=303).follow()) == "checking"
    assert shop.orders()[0].status == "awaiting_payment"
    assert "a person has to look" in caplog.text


def test_without_stripe_the_secret_leaves_the_page_too(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1")
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    intent = sandbox.confirm(intent_of(page))
    sandbox.fault(method="GET", path=f"/v1/payment_intents/{intent['id']}", kind="reset", times=9)

    page = visitor.get(
        f"/success?pi={intent['id']}&payment_intent_client_secret={intent['client_secret']}",
        status=503,
    )

    assert intent["client_secret"] not in page


@pytest.mark.parametrize("card", [None, "pm_card_visa", "pm_card_visa_chargeDeclined"])
def test_sentences_stand_apart(sandbox, buyer, card):
    visitor, intent = buyer
    if card:
        sandbox.confirm(intent, card)

    said = visitor.get(f"/success?pi={intent}").html.select_one(".lede").get_text()

    assert not re.search(r"[.:][A-Z]", said)


def test_paid_when_the_last_copy_had_gone_is_said(shop, sandbox, buyer):
    visitor, intent = buyer
    with shop.registry.services.sessions.begin() as session:
        session.connection().exec_driver_sql("UPDATE orders SET holding = 0, held_until = NULL")
    shop.change_book(MOSS, stock=0, held=0)
    sandbox.confirm(intent)

    page = visitor.get(f"/success?pi={intent}")

    assert outcome(page) == "short"
    assert "all of the money goes back to you" in " ".join(page.html.main.get_text().split())
    assert outcome(visitor.get(f"/success?pi={intent}")) == "short"
    assert (shop.book(MOSS).stock, shop.book(MOSS).held) == (0, 0)


def test_the_page_is_kept_nowhere(buyer):
    visitor, intent = buyer

    assert "no-store" in visitor.get(f"/success?pi={intent}").headers["Cache-Control"]
