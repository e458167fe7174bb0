"""The differences that reconciling describes, by their codes and in words."""

import pytest

from bookshop.orders.states import OrderStatus
from bookshop.payments.charges import DisputeStatus
from bookshop.reconciliation.descriptions import describe_changes
from bookshop.reconciliation.facts import OrderFacts
from bookshop.reconciliation.findings import FindingCode
from tests.unit.makers import refund


def facts(**values):
    filled = {
        "status": OrderStatus.PAID,
        "intent_id": "pi_1",
        "refunded": refund(0).amount,
        "refunds": {},
        "disputes": {},
        "under_review": False,
        "address": {"city": "London"},
        "failed_attempts": (),
    }
    return OrderFacts(**{**filled, **values})


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({}, {}, []),
        (
            {"refunds": {"re_1": "pending"}},
            {"refunds": {"re_1": "requires_action"}},
            [("refund_status", "refund re_1: requires action at Stripe, pending here")],
        ),
        (
            {},
            {"refunds": {"re_1": "failed"}},
            [("refund_status", "refund re_1: failed at Stripe, not recorded here")],
        ),
        (
            {"disputes": {"du_1": "warning_needs_response"}},
            {"disputes": {"du_1": "warning_closed"}},
            [
                (
                    "dispute_status",
                    "dispute du_1: warning closed at Stripe, warning needs response here",
                )
            ],
        ),
        (
            {},
            {"address": {"city": "Leeds"}},
            [("address", "the address at Stripe differs from the one here")],
        ),
        ({"address": None}, {}, []),
        (
            {"under_review": False},
            {"under_review": True},
            [("review_opened", "review open at Stripe, not recorded here")],
        ),
        (
            {"under_review": True},
            {"under_review": False},
            [("review_closed", "review closed at Stripe, open here")],
        ),
        (
            {"status": OrderStatus.DISPUTED},
            {},
            [("order_status", "paid by Stripe's data, disputed here")],
        ),
        (
            {"status": OrderStatus.PROCESSING},
            {"status": OrderStatus.AWAITING_PAYMENT},
            [("payment_failed", "payment failed at Stripe, processing here")],
        ),
        (
            {"status": OrderStatus.AWAITING_PAYMENT},
            {"status": OrderStatus.PROCESSING},
            [("payment_processing", "payment processing at Stripe, awaiting payment here")],
        ),
        (
            {"status": OrderStatus.AWAITING_PAYMENT},
            {"status": OrderStatus.CANCELLED},
            [("payment_cancelled", "payment cancelled at Stripe, awaiting payment here")],
        ),
        (
            {"status": OrderStatus.PLACED, "intent_id": None},
            {},
            [
                ("intent_not_recorded", "PaymentIntent pi_1 at Stripe, not recorded here"),
                ("payment_succeeded", "paid at Stripe, placed here"),
            ],
        ),
        (
            {"status": OrderStatus.EXPIRED},
            {"status": OrderStatus.REFUNDED, "refunded": refund(999).amount},
            [
                ("payment_succeeded", "paid at Stripe, expired here"),
                ("refunded_amount", "9.99 GBP refunded at Stripe, 0.00 GBP here"),
            ],
        ),
        ({"status": OrderStatus.PLACED}, {"status": OrderStatus.AWAITING_PAYMENT}, []),
    ],
)
def test_change_codes_and_texts(before, after, changes):
    assert describe_changes(facts(**before), facts(**after)) == changes


@pytest.mark.parametrize("status", list(DisputeStatus))
def test_every_dispute_status_is_readable(status):
    ((code, text),) = describe_changes(facts(), facts(disputes={"du_1": status.value}))
    assert code is FindingCode.DISPUTE_STATUS
    assert status.value.replace("_", " ") in text
