"""The shop's requests to Stripe, the responses and the events follow Stripe's OpenAPI document."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import stripe

from bookshop import clock
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.money import Money
from bookshop.payments.charges import DisputeStatus, RefundStatus
from bookshop.payments.error_mapping import AMOUNT_TOO_LARGE, DISPUTED
from bookshop.payments.errors import IntentMissingError, RefundRefusedError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import IntentStatus
from bookshop.payments.webhook_signatures import verify_event
from bookshop.settings import StripeSettings
from bookshop.settings.parsers import Secret
from tests.demo_books import MOSS
from tests.shops import intent_of, pay_form

from . import exchanges
from .client import INTENTS
from .conftest import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET

TOTAL = Money(1299, "GBP")
BUY = f"/checkout?item={MOSS}"
PYTHON = "Stripe/v1 PythonBindings/"
CARD = {
    "return_url": "http://localhost:6543/success",
    "use_stripe_sdk": "true",
    "payment_method_data[type]": "card",
    "payment_method_data[card][number]": "4242424242424242",
    "payment_method_data[card][exp_month]": "12",
    "payment_method_data[card][exp_year]": "2034",
    "payment_method_data[card][cvc]": "123",
}
DECLINED = {**CARD, "payment_method_data[card][number]": "4000000000009995"}


def press_pay(visitor, page):
    form = {**pay_form(page), "email": "ada@reader.example"}
    assert visitor.post("/checkout", form).status_int == 200


def operations_of(recorder):
    """Checks each of the shop's requests against the document; returns the operations in order."""
    by_shop = [
        each for each in recorder.exchanges if each.request_headers["user-agent"].startswith(PYTHON)
    ]
    for exchange in by_shop:
        assert exchanges.request_findings(exchange) == []
        assert exchange.request_headers["stripe-version"] == "2026-10-28.endive"
        assert not exchange.is_public
        if exchange.method == "POST":
            assert exchange.request_headers["idempotency-key"]
    return [_operation(exchange) for exchange in by_shop]


def _operation(exchange):
    is_read, resource = exchange.method == "GET", exchange.path.removeprefix("/v1/")
    if not exchange.path.startswith(f"{INTENTS}/"):
        verb = "list" if is_read else "create"
        return verb if resource == "payment_intents" else f"{verb} {resource}"
    if exchange.path.endswith("/cancel"):
        return "cancel"
    return "retrieve" if is_read else "update"


def deliver(shop, event):
    payload, signature = sign_event(event)
    shop.visitor().post("/webhooks/stripe", payload, headers={"Stripe-Signature": signature})


def sign_event(event):
    payload = json.dumps(event)
    return payload, stripe.WebhookSignature.generate_signature_header(payload, WEBHOOK_SECRET)


def test_a_purchase(open_shop, recorder, browser_side, receiver):
    shop = open_shop()
    visitor = shop.visitor()
    page = visitor.get(BUY)
    intent = browser_side_intent(page)
    visitor.get(f"/success?pi={intent['id']}")
    press_pay(visitor, page)
    assert browser_side.confirm(intent, CARD).body["status"] == "succeeded"
    visitor.get(f"/success?pi={intent['id']}")
    deliver(shop, receiver.wait("payment_intent.succeeded", intent["id"]))
    assert shop.orders()[0].status == "paid"
    operations = operations_of(recorder)
    assert operations.count("create") == 1
    assert {"create", "retrieve", "update"} <= set(operations)


def browser_side_intent(page):
    form = page.html.find(id="payment-form")
    return {"id": intent_of(page), "client_secret": form["data-client-secret"]}


def test_a_declined_card_then_a_good_one(open_shop, recorder, browser_side, receiver):
    shop = open_shop()
    visitor = shop.visitor()
    page = visitor.get(BUY)
    intent = browser_side_intent(page)
    press_pay(visitor, page)
    assert browser_side.confirm(intent, DECLINED).status == 402
    visitor.get(f"/success?pi={intent['id']}")
    deliver(shop, receiver.wait("payment_intent.payment_failed", intent["id"]))
    press_pay(visitor, visitor.get(BUY))
    assert browser_side.confirm(intent, CARD).body["status"] == "succeeded"
    deliver(shop, receiver.wait("payment_intent.succeeded", intent["id"]))
    assert shop.orders()[0].status == "paid"
    assert operations_of(recorder).count("create") == 1


def test_a_changed_price(open_shop, recorder):
    shop = open_shop()
    visitor = shop.visitor()
    visitor.get(BUY)
    shop.change_book(MOSS, amount=2300)
    press_pay(visitor, visitor.get(BUY))
    assert "update" in operations_of(recorder)


def test_a_changed_price_after_pay_was_pressed(open_shop, recorder, monkeypatch):
    shop = open_shop()
    visitor = shop.visitor()
    press_pay(visitor, visitor.get(BUY))
    later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    shop.change_book(MOSS, amount=2300)
    visitor.get(BUY)
    assert operations_of(recorder) == ["create", "update", "cancel", "create"]


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD", "USD"])
def test_currencies(open_shop, recorder, currency):
    open_shop(bookshop__currency=currency).visitor().get(BUY)
    assert operations_of(recorder) == ["create"]


def test_after_a_stored_failure_an_order_with_another_key_is_made(open_shop, recorder, controls):
    fault = {"method": "POST", "path": INTENTS, "kind": "status", "status": 500, "times": 1}
    assert controls.post_json("/_sandbox/faults", fault).status < 300
    visitor = open_shop().visitor()
    visitor.get(BUY, status=503)
    visitor.get(BUY)
    # The failure, its replay, and an order with a key of its own.
    assert operations_of(recorder) == ["create", "create", "create"]


def test_an_unknown_intent(open_shop, recorder):
    shop = open_shop()
    visitor = shop.visitor()
    visitor.get(BUY)
    visitor.get("/success?pi=pi_0000000000000000", status=404)
    assert operations_of(recorder)[0] == "create"


# --- payments and refunds


@pytest.fixture
def gateway(recorder):
    """The shop's gateway, connected through the recorder."""
    keys = Secret(SECRET_KEY), PUBLISHABLE_KEY, ()
    gateway = Gateway(StripeSettings(*keys, recorder.url, f"{recorder.url}/stripe.js", 20.0, 2, 2))
    yield gateway
    gateway.close()


@pytest.fixture
def pay(server_side):
    """Creates an intent, pays it with a test card and returns its id."""

    def paid_by(card="pm_card_visa"):
        intent = server_side.create(**{"metadata[order]": "K7QM-2X9T-4BCD"})
        form = {"payment_method": card, "return_url": "http://localhost:6543/success"}
        assert server_side.confirm(intent, form).status == 200
        return intent["id"]

    return paid_by


@pytest.fixture
def act(controls):
    """Has the sandbox change an object: `act("charges", "pi_1", "dispute")`."""

    def act(kind, identifier, action, **values):
        response = controls.post_json(f"/_sandbox/{kind}/{identifier}/{action}", values)
        assert response.status == 200, response
        return response.body

    return act


def test_a_payment_with_its_charge(gateway, recorder, pay):
    intent = gateway.retrieve_intent(pay())
    assert (intent.status, intent.amount_received) == (IntentStatus.SUCCEEDED, 1299)
    assert intent.charge.id.startswith("ch_")
    assert (intent.charge.refunds, intent.charge.disputes) == ((), ())
    assert (intent.charge.amount_refunded, intent.charge.under_review) == (0, False)
    assert operations_of(recorder) == ["retrieve"]


def test_a_failed_attempt_has_a_charge(gateway, recorder, server_side):
    intent = server_side.create()
    form = {"payment_method": "pm_card_chargeDeclined", "return_url": "http://localhost:6543/"}
    assert server_side.confirm(intent, form).status == 402
    found = gateway.retrieve_intent(intent["id"])
    assert found.open
    assert found.charge.amount_refunded == 0


def test_a_payment_without_an_attempt(gateway, server_side):
    assert gateway.retrieve_intent(server_side.create()["id"]).charge is None


def test_a_cancelled_payment(gateway, recorder, server_side):
    intent_id = server_side.create()["id"]
    assert gateway.cancel_intent(intent_id, "duplicate").cancellation_reason == "duplicate"
    assert gateway.retrieve_intent(intent_id).cancellation_reason == "duplicate"
    assert operations_of(recorder) == ["cancel", "retrieve"]


def test_refunds(gateway, recorder, pay):
    intent_id = pay()
    made = gateway.create_refund("refund-part", intent_id, Money(299, "GBP"), "7")
    assert gateway.create_refund("refund-part", intent_id, Money(299, "GBP"), "7").id == made.id
    assert (made.status, made.amount) == (RefundStatus.SUCCEEDED, Money(299, "GBP"))
    assert (made.intent_id, made.reference) == (intent_id, "7")
    rest = gateway.create_refund("refund-rest", intent_id, Money(1000, "GBP"), "8")
    charge = gateway.retrieve_intent(intent_id).charge
    assert charge.refunds == (rest, made)
    assert charge.amount_refunded == 1299
    assert operations_of(recorder) == [*["create refunds"] * 3, "retrieve"]


def test_a_pending_refund_that_fails(gateway, pay, act):
    intent_id = pay("pm_card_pendingRefund")
    made = gateway.create_refund("refund-slow", intent_id, TOTAL, "9")
    assert made.status is RefundStatus.PENDING
    act("refunds", made.id, "settle", outcome="failed")
    charge = gateway.retrieve_intent(intent_id).charge
    [failed] = charge.refunds
    assert (failed.id, failed.status) == (made.id, RefundStatus.FAILED)
    assert failed.failure_reason
    assert charge.amount_refunded == 0


def test_refused_refunds(gateway, pay, act):
    intent_id = pay()
    with pytest.raises(RefundRefusedError) as too_large:
        gateway.create_refund("refund-1300", intent_id, Money(1300, "GBP"), "1")
    assert (too_large.value.code, too_large.value.reason) == (None, AMOUNT_TOO_LARGE)
    gateway.create_refund("refund-1299", intent_id, TOTAL, "2")
    with pytest.raises(RefundRefusedError) as twice:
        gateway.create_refund("refund-again", intent_id, TOTAL, "3")
    assert twice.value.code == "charge_already_refunded"
    disputed = pay("pm_card_createDispute")
    with pytest.raises(RefundRefusedError) as charged_back:
        gateway.create_refund("refund-disputed", disputed, TOTAL, "4")
    assert (charged_back.value.code, charged_back.value.reason) == ("charge_disputed", DISPUTED)


def test_refunds_of_unpaid_and_unknown_intents(gateway, server_side):
    with pytest.raises(RefundRefusedError):
        gateway.create_refund("refund-open", server_side.create()["id"], TOTAL, "5")
    with pytest.raises(IntentMissingError):
        gateway.create_refund("refund-none", "pi_0000000000000000", TOTAL, "6")


def test_more_refunds_than_are_expanded(gateway, recorder, pay):
    intent_id = pay()
    made = [
        gateway.create_refund(f"refund-of-{intent_id}-{cents}", intent_id, Money(cents, "GBP"), "x")
        for cents in range(1, 13)
    ]
    recorder.clear()
    charge = gateway.retrieve_intent(intent_id).charge
    assert {refund.id for refund in charge.refunds} == {refund.id for refund in made}
    assert charge.amount_refunded == sum(range(1, 13))
    assert operations_of(recorder) == ["retrieve", "list refunds"]


@pytest.mark.parametrize(
    ("card", "begun", "outcome", "ended"),
    [
        ("pm_card_createDispute", DisputeStatus.NEEDS_RESPONSE, "lost", DisputeStatus.LOST),
        (
            "pm_card_createDisputeInquiry",
            DisputeStatus.WARNING_NEEDS_RESPONSE,
            "warning_closed",
            DisputeStatus.WARNING_CLOSED,
        ),
    ],
)
def test_a_dispute(gateway, recorder, pay, act, card, begun, outcome, ended):
    intent_id = pay(card)
    recorder.clear()
    [dispute] = gateway.retrieve_intent(intent_id).charge.disputes
    assert (dispute.status, dispute.amount, dispute.intent_id) == (begun, TOTAL, intent_id)
    assert operations_of(recorder) == ["retrieve", "list disputes"]
    act("disputes", dispute.id, "settle", outcome=outcome)
    [dispute] = gateway.retrieve_intent(intent_id).charge.disputes
    assert dispute.status is ended


def test_the_refunds_of_a_payment(gateway, recorder, pay):
    intent_id = pay()
    recorder.clear()
    assert gateway.intent_refunds(intent_id) == ()
    made = gateway.create_refund("refund-1", intent_id, Money(500, TOTAL.currency), "K7QM/0")
    assert gateway.intent_refunds(intent_id) == (made,)
    assert operations_of(recorder) == ["list refunds", "create refunds", "list refunds"]


def test_an_early_fraud_warning(gateway, recorder, pay):
    intent_id = pay("pm_card_createIssuerFraudRecord")
    recorder.clear()
    [warning] = gateway.fraud_warnings(intent_id)
    assert (warning.intent_id, warning.fraud_type) == (intent_id, "unauthorized_use_of_card")
    assert gateway.fraud_warnings(pay()) == ()
    assert operations_of(recorder)[0] == "list radar/early_fraud_warnings"


def test_a_review(gateway, pay, act):
    intent_id = pay()
    review = act("charges", intent_id, "review")
    assert gateway.retrieve_intent(intent_id).charge.under_review
    act("reviews", review["id"], "close", outcome="approved")
    assert not gateway.retrieve_intent(intent_id).charge.under_review


def test_every_event_names_its_intent(gateway, pay, act, receiver):
    refunded, disputed, warned = pay(), pay("pm_card_createDispute"), pay()
    refund = gateway.create_refund(f"refund-of-{refunded}", refunded, TOTAL, "11")
    whole = gateway.retrieve_intent(disputed)
    warning = act("charges", warned, "warn")
    review = act("charges", warned, "review")
    act("reviews", review["id"], "close", outcome="approved")
    for kind, object_id, intent_id in [
        ("payment_intent.succeeded", refunded, refunded),
        ("refund.created", refund.id, refunded),
        ("charge.refunded", gateway.retrieve_intent(refunded).charge.id, refunded),
        ("charge.dispute.created", whole.charge.disputes[0].id, disputed),
        ("radar.early_fraud_warning.created", warning["id"], warned),
        ("review.opened", review["id"], warned),
        ("review.closed", review["id"], warned),
    ]:
        payload, signature = sign_event(receiver.wait(kind, object_id))
        event = verify_event(payload.encode(), signature, [Secret(WEBHOOK_SECRET)])
        assert (event.type, event.object_id, event.intent_id) == (kind, object_id, intent_id)
        assert event.api_version == "2026-10-28.endive"
        assert abs(clock.now() - event.created) < timedelta(minutes=1)


def test_lists_of_a_period(gateway, recorder, pay, monkeypatch):
    monkeypatch.setattr("bookshop.payments.listing.PAGE_SIZE", 2)
    since = clock.now()
    paid = [pay("pm_card_createDispute"), pay("pm_card_createIssuerFraudRecord"), pay()]
    refunds = [
        gateway.create_refund(f"refund-of-{paid[2]}-{cents}", paid[2], Money(cents, "GBP"), "x")
        for cents in (100, 200, 300)
    ]
    recorder.clear()
    intents = list(gateway.list_intents(since))
    assert [intent.id for intent in intents][:3] == paid[::-1]
    for listed in intents:
        alone = gateway.retrieve_intent(listed.id)
        same = {"checked_at": listed.checked_at, "client_secret": listed.client_secret}
        assert replace(alone, **same) == listed
    assert list(gateway.list_refunds(since))[:3] == refunds[::-1]
    assert paid[0] in {dispute.intent_id for dispute in gateway.list_disputes(since)}
    assert paid[1] in {warning.intent_id for warning in gateway.list_fraud_warnings(since)}
    assert {"list", "list refunds", "list disputes", "list radar/early_fraud_warnings"} <= set(
        operations_of(recorder)
    )


def test_lists_of_a_future_period_are_empty(gateway, recorder, pay):
    pay()
    tomorrow = clock.now() + timedelta(days=1)
    assert list(gateway.list_intents(tomorrow)) == []
    assert list(gateway.list_refunds(tomorrow)) == []
