"""What a customer is told of an order's history, and what is kept from them."""

from datetime import timedelta

import pytest

from bookshop.orders.models import AuditEntry
from bookshop.orders.pages import labels
from bookshop.orders.pages.timeline import timeline
from bookshop.orders.states import OrderStatus
from bookshop.payments.charges import DisputeStatus, RefundStatus
from tests.unit.makers import NOW, book, order

PLACED = "You placed the order."
PAID = "Your payment arrived."


def happened(what, minutes=10, /, source=None, target=None, **detail):
    return AuditEntry(
        id=minutes,
        at=NOW + timedelta(minutes=minutes),
        what=what,
        source=source,
        target=target,
        detail=detail,
    )


def moved(source, target, minutes=10, **detail):
    return happened(target, minutes, source=source, target=target, **detail)


def told(*entries, **values):
    made = order(book(), entries=list(entries), **values)
    return [happening.text.interpolate() for happening in timeline(made, "en_GB")]


def test_an_order_begins_with_being_placed():
    assert told() == [PLACED]
    assert told(moved(None, "placed", 1), moved("placed", "awaiting_payment", 2)) == [PLACED]


def test_a_payment_is_told_once():
    paid = moved("awaiting_payment", "paid", 2)
    assert told(paid, paid_at=NOW + timedelta(minutes=2)) == [PLACED, PAID]


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        ("awaiting_payment", "processing", "Your bank began to work on the payment."),
        ("processing", "awaiting_payment", "The payment did not go through."),
        ("awaiting_payment", "expired", "The order was not paid in time."),
        ("placed", "cancelled", "The order was cancelled."),
    ],
)
def test_a_move_is_told(source, target, text):
    assert told(moved(source, target)) == [PLACED, text]


@pytest.mark.parametrize("source", ["paid", "refunded", "disputed"])
@pytest.mark.parametrize("target", ["shipped", "delivered", "partly_shipped", "paid"])
def test_a_move_alone_sends_nothing(source, target):
    assert told(moved(source, target)) == [PLACED]


def test_each_parcel_is_told_with_what_is_in_it():
    first = [{"title": "Moss", "quantity": 1}, {"title": "Comets", "quantity": 2}]
    entries = [
        happened("shipped", 10, lines=first, tracking="QF 123"),
        moved("paid", "partly_shipped", 11),
        happened("shipped", 20, lines=[{"title": "Comets", "quantity": 1}], tracking=None),
    ]
    assert told(*entries) == [
        PLACED,
        "We sent you Moss and 2 × Comets.",
        "We sent you Comets.",
    ]
    made = order(book(), entries=entries)
    assert [line.tracking for line in timeline(made, "en_GB")] == [None, "QF 123", None]


@pytest.mark.parametrize(
    "what",
    [
        "pay_pressed",
        "contradiction",
        "fraud_warning",
        "review_opened",
        "review_closed",
        "refund_requested",
        "refund_refused",
        "restocked",
    ],
)
def test_the_shops_own_business_is_not_told(what):
    assert told(happened(what, id="x", key="x", amount=1)) == [PLACED]


@pytest.mark.parametrize("target", ["disputed", "dispute_won", "dispute_lost", "refunded"])
def test_what_becomes_of_the_money_is_told_by_its_own_entries(target):
    assert told(moved("paid", target)) == [PLACED]


def test_a_refund_is_told_once_though_it_is_pending_first():
    entries = [
        happened("refund", 10, id="re_1", amount=500, status="pending"),
        happened("refund", 20, id="re_2", amount=500, status="succeeded"),
        happened("refund", 30, id="re_1", amount=500, status="succeeded"),
    ]
    assert told(*entries) == [PLACED, *["We sent £5.00 back to you."] * 2]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("failed", "A refund of £5.00 did not reach you. We are seeing to it."),
        ("canceled", "A refund of £5.00 was called off."),
    ],
)
def test_a_refund_that_comes_to_nothing_is_told(status, text):
    entries = [
        happened("refund", 10, id="re_1", amount=500, status="succeeded"),
        happened("refund", 20, id="re_1", amount=500, status=status),
    ]
    assert told(*entries) == [PLACED, "We sent £5.00 back to you.", text]


def test_every_refund_of_stripes_has_words():
    assert set(labels.REFUNDS) == set(RefundStatus)


@pytest.mark.parametrize(
    ("end", "text"),
    [
        ("won", "What your bank had asked is settled."),
        ("warning_closed", "What your bank had asked is settled."),
        ("prevented", "What your bank had asked is settled."),
        ("lost", "Your bank took the payment back for you."),
    ],
)
def test_a_dispute_is_a_question_and_its_answer(end, text):
    entries = [
        happened("dispute", minute, id="dp_1", status=status)
        for minute, status in enumerate(["needs_response", "under_review", end], start=5)
    ]
    assert told(*entries) == [PLACED, "Your bank asked about the payment.", text]


@pytest.mark.parametrize("status", list(DisputeStatus))
def test_a_dispute_is_told_in_neutral_words(status):
    (_, text) = told(happened("dispute", id="dp_1", status=status.value))
    assert not any(word in text.lower() for word in ("fraud", "dispute", "charge"))


def test_what_happened_at_once_is_told_in_its_order():
    entries = [
        moved("expired", "paid", 5),
        happened("short", 5),
        happened("refund", 5, id="re_1", amount=999, status="pending"),
        moved("awaiting_payment", "expired", 2),
    ]
    assert told(*entries, paid_at=NOW + timedelta(minutes=5)) == [
        PLACED,
        "The order was not paid in time.",
        PAID,
        "The last copy had gone to somebody else a moment before.",
        "We sent £9.99 back to you.",
    ]


def test_an_amount_is_written_as_the_shops_customers_write_it():
    made = order(
        book(),
        currency="JPY",
        entries=[happened("refund", id="re_1", amount=1500, status="succeeded")],
    )
    text = timeline(made, "ja_JP")[-1].text.interpolate()
    assert text == "We sent ￥1,500 back to you."


def test_every_status_has_words_of_its_own():
    assert set(labels.VERDICTS) == set(OrderStatus)
    headings = [verdict.heading for verdict in labels.VERDICTS.values()]
    assert len(set(headings)) == len(headings)
