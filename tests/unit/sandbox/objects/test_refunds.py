"""Refunds: how much, what becomes of them, and what else they settle."""

import pytest
import stripe


@pytest.fixture
def paid(confirm, intent):
    """Pay the intent by a test payment method."""
    return lambda method="pm_card_visa": confirm(intent, method)


@pytest.fixture
def refund(client, intent):
    return lambda **params: client.refunds.create({"payment_intent": intent.id, **params})


@pytest.fixture
def charge(client, intent):
    """The intent's charge as it is now."""

    def retrieve():
        expand = ["latest_charge.refunds", "latest_charge.review"]
        return client.payment_intents.retrieve(intent.id, {"expand": expand}).latest_charge

    return retrieve


@pytest.fixture
def settle(send):
    def settle_one(refund, outcome):
        return send("POST", f"/_sandbox/refunds/{refund.id}/settle", {"outcome": outcome})

    return settle_one


@pytest.fixture
def event_types(client):
    """The types of the newest events, the oldest first, and the objects that they are about."""

    def events(count):
        found = client.events.list({"limit": count}).data[::-1]
        return [(event.type, event.data.object) for event in found]

    return events


def _refused(call, **params):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        call(**params)
    return refused.value


def test_a_refund_is_of_all_that_is_left(client, paid, refund, charge, intent):
    paid()
    first = refund(amount=300, reason="requested_by_customer", metadata={"refund": "r-1"})
    rest = refund()

    assert (first.amount, first.status, first.metadata["refund"]) == (300, "succeeded", "r-1")
    assert (rest.amount, rest.reason, rest.currency) == (999, None, "gbp")
    assert (charge().amount_refunded, charge().refunded, charge().status) == (
        1299,
        True,
        "succeeded",
    )
    after = client.payment_intents.retrieve(intent.id)
    assert (after.status, after.amount_received) == ("succeeded", 1299)


def test_refunds_cannot_exceed_the_charge(paid, refund, charge):
    paid()
    too_much = _refused(refund, amount=1300)
    assert too_much.user_message == (
        "Refund amount (£13.00) is greater than charge amount (£12.99)"
    )
    assert (too_much.code, too_much.param) == (None, "amount")
    refund(amount=1000)
    assert _refused(refund, amount=300).user_message == (
        "Refund amount (£3.00) is greater than unrefunded amount on charge (£2.99)"
    )
    assert (charge().amount_refunded, charge().refunded) == (1000, False)
    refund(amount=299)
    again = _refused(refund)
    assert again.code == "charge_already_refunded"
    assert again.user_message == f"Charge {charge().id} has already been refunded."


@pytest.mark.parametrize("amount", [0, -1, "1.5"])
def test_an_amount_is_a_positive_whole_number(paid, refund, amount):
    paid()

    assert _refused(refund, amount=amount).code == "parameter_invalid_integer"


def test_an_unpaid_payment_cannot_be_refunded(client, refund, confirm, intent, send):
    nothing = "does not have a successful charge to refund"
    assert nothing in _refused(refund).user_message
    with pytest.raises(stripe.CardError):
        confirm(intent, "pm_card_chargeDeclined")
    assert nothing in _refused(refund).user_message
    failed = client.charges.list({"payment_intent": intent.id}).data[0]
    with pytest.raises(stripe.InvalidRequestError, match=nothing):
        client.refunds.create({"charge": failed.id})
    confirm(intent, "pm_bacsDebit_success")
    assert nothing in _refused(refund).user_message
    assert send("POST", f"/_sandbox/charges/{intent.id}/refund").status == 400
    assert send("POST", "/_sandbox/charges/pi_unknown/refund").status == 404


def test_a_refund_requires_a_paid_payment_of_the_account(client, paid, intent):
    paid()
    for params, code, param in [
        ({}, "parameter_missing", None),
        ({"charge": "ch_unknown"}, "resource_missing", "charge"),
        ({"payment_intent": "pi_unknown"}, "resource_missing", "payment_intent"),
        ({"payment_intent": intent.id, "origin": "customer_balance"}, None, "origin"),
    ]:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.refunds.create(params)
        assert (refused.value.code, refused.value.param) == (code, param)


def test_the_same_key_refunds_once(client, paid, intent, charge):
    paid()
    for _ in range(2):
        client.refunds.create(
            {"payment_intent": intent.id, "amount": 100}, {"idempotency_key": "refund-1"}
        )

    assert charge().amount_refunded == 100


def test_each_refund_emits_events_with_its_charge(paid, refund, event_types):
    paid()
    made = refund(amount=500)

    (created, first), (refunded, second) = event_types(2)
    assert (created, first.id, first.status) == ("refund.created", made.id, "succeeded")
    assert (refunded, second.id, second.amount_refunded) == ("charge.refunded", made.charge, 500)


def test_a_pending_refund_counts_at_once_and_succeeds_when_settled(
    paid, refund, charge, settle, event_types
):
    paid("pm_card_pendingRefund")
    made = refund(amount=500)
    assert (made.status, made.pending_reason) == ("pending", "processing")
    assert charge().amount_refunded == 500

    settled = settle(made, "succeeded").json

    assert (settled["status"], "pending_reason" in settled) == ("succeeded", False)
    assert charge().amount_refunded == 500
    assert [kind for kind, _ in event_types(3)] == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
    ]
    assert settle(made, "succeeded").status == 400


@pytest.mark.parametrize(
    ("method", "outcome", "reason"),
    [
        ("pm_card_pendingRefund", "failed", "expired_or_canceled_card"),
        ("pm_card_pendingRefund", "canceled", "merchant_request"),
        ("pm_card_refundFail", "failed", "expired_or_canceled_card"),
        ("pm_card_visa", "failed", "expired_or_canceled_card"),
    ],
)
def test_money_that_does_not_arrive_can_be_refunded_again(
    paid, refund, charge, settle, event_types, method, outcome, reason
):
    paid(method)
    before = refund()
    settled = settle(before, outcome).json

    assert (settled["status"], settled["failure_reason"]) == (outcome, reason)
    assert (charge().amount_refunded, charge().refunded) == (0, False)
    types = [kind for kind, _ in event_types(2)]
    assert types == (
        ["refund.updated", "refund.failed"]
        if outcome == "failed"
        else ["charge.refunded", "refund.updated"]
    )
    assert settle(before, "failed").status == 400
    assert refund().amount == 1299


def test_a_bank_debits_refund_takes_days(client, confirm, intent, refund, send):
    confirm(intent, "pm_bacsDebit_success")
    send("POST", f"/_sandbox/payment_intents/{intent.id}/settle", {"outcome": "succeeded"})

    made = refund()

    assert (made.status, made.destination_details.type) == ("pending", "bacs_debit")


def test_only_metadata_changes(client, paid, refund, event_types):
    paid()
    made = refund(metadata={"refund": "r-1"})
    changed = client.refunds.update(made.id, {"metadata": {"note": "late"}})

    assert changed.metadata.to_dict() == {"refund": "r-1", "note": "late"}
    ((kind, _),) = event_types(1)
    assert kind == "refund.updated"
    with pytest.raises(stripe.InvalidRequestError):
        client.refunds.update(made.id, {"amount": 1})
    assert client.refunds.retrieve(made.id).metadata["note"] == "late"


def test_a_refund_that_is_done_is_not_canceled(client, paid, refund):
    paid()
    made = refund()

    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        client.refunds.cancel(made.id)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.refunds.cancel("re_unknown")
    assert missing.value.http_status == 404


def test_a_charge_shows_its_newest_ten_refunds(client, paid, refund, charge):
    paid()
    for amount in range(1, 12):
        refund(amount=amount)

    refunds = charge().refunds
    assert [each.amount for each in refunds.data] == list(range(11, 1, -1))
    assert refunds.has_more
    assert [each.amount for each in refunds.auto_paging_iter()] == list(range(11, 0, -1))
    assert "refunds" not in client.charges.retrieve(charge().id).to_dict()


def test_the_refunds_of_one_payment_are_listed(client, paid, refund, confirm):
    paid()
    made = [refund(amount=amount).id for amount in (1, 2, 3)][::-1]
    other = client.payment_intents.create({"amount": 500, "currency": "gbp"})
    confirm(other, "pm_card_visa")
    theirs = client.refunds.create({"payment_intent": other.id})

    def listed(**params):
        return [each.id for each in client.refunds.list(params).data]

    assert listed() == [theirs.id, *made]
    assert listed(payment_intent=other.id) == listed(charge=theirs.charge) == [theirs.id]
    assert listed(limit=1, starting_after=made[1]) == [made[2]]
    assert listed(created={"gt": theirs.created + 3600}) == []
    with pytest.raises(stripe.InvalidRequestError):
        listed(payment_intent="pi_unknown")


def test_a_full_refund_leaves_nothing_to_review(client, paid, refund, charge):
    paid("pm_card_riskLevelElevated")
    refund(amount=1)
    assert charge().review.open
    refund()

    assert (charge().review.open, charge().review.closed_reason) == (False, "refunded")


def test_a_refund_for_fraud_is_kept_with_the_charge(paid, refund, charge):
    paid()
    refund(reason="fraudulent")

    assert charge().fraud_details.user_report == "fraudulent"


def test_a_charge_and_an_intent_must_belong_together(client, paid, refund, confirm, charge):
    paid()
    other = confirm(
        client.payment_intents.create({"amount": 500, "currency": "gbp"}), "pm_card_visa"
    )

    assert _refused(refund, charge=other.latest_charge).param == "charge"
    assert refund(charge=charge().id, amount=1).amount == 1


def test_a_refund_does_not_close_a_review_again(client, paid, refund, charge):
    paid("pm_card_riskLevelElevated")
    client.reviews.approve(charge().review.id)
    refund()

    assert charge().review.closed_reason == "approved"
