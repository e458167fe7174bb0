"""The events of the order page's timeline, and the events that it hides."""

from datetime import timedelta

import pytest

from bookshop.orders.models import AuditEntry
from bookshop.orders.pages import labels
from bookshop.orders.pages.timeline import timeline
from bookshop.orders.states import OrderStatus, Rejection
from bookshop.payments.charges import DisputeStatus, RefundStatus
from tests.unit.makers import NOW, book, order


def happened(event, minutes=10, /, source=None, target=None, **detail):
    return AuditEntry(
        id=minutes,
        at=NOW + timedelta(minutes=minutes),
        event=event,
        from_status=source,
        to_status=target,
        detail=detail,
    )


def moved(source, target, minutes=10, **detail):
    return happened("status_changed", minutes, source=source, target=target, **detail)


def items(*entries, **values):
    return timeline(order(book(), entries=list(entries), **values), "en_GB")


def codes(*entries, **values):
    return [item.code for item in items(*entries, **values)]


def test_timeline_begins_with_the_order():
    assert codes() == ["placed"]
    assert codes(moved(None, "placed", 1), moved("placed", "awaiting_payment", 2)) == ["placed"]


def test_payment_is_shown_once():
    paid = moved("awaiting_payment", "paid", 2)
    assert codes(paid, paid_at=NOW + timedelta(minutes=2)) == ["placed", "paid"]


@pytest.mark.parametrize(
    ("source", "target", "code"),
    [
        ("awaiting_payment", "processing", "payment_processing"),
        ("processing", "awaiting_payment", "payment_failed"),
        ("awaiting_payment", "expired", "expired"),
        ("placed", "cancelled", "cancelled"),
    ],
)
def test_status_change_is_shown(source, target, code):
    assert codes(moved(source, target)) == ["placed", code]


@pytest.mark.parametrize("source", ["paid", "refunded", "disputed"])
@pytest.mark.parametrize("target", ["shipped", "delivered", "partly_shipped", "paid"])
def test_status_change_shows_no_shipment(source, target):
    assert codes(moved(source, target)) == ["placed"]


def test_each_shipment_is_shown_with_its_books():
    first = [{"title": "Moss", "quantity": 1}, {"title": "Comets", "quantity": 2}]
    entries = [
        happened("items_shipped", 10, lines=first, tracking="QF 123"),
        moved("paid", "partly_shipped", 11),
        happened("items_shipped", 20, lines=[{"title": "Comets", "quantity": 1}], tracking=None),
    ]
    _, parcel, rest = items(*entries)
    assert (parcel.code, parcel.tracking) == ("shipped", "QF 123")
    assert parcel.text.mapping == {"books": "Moss and 2 × Comets"}
    assert (rest.code, rest.tracking) == ("shipped", None)
    assert rest.text.mapping == {"books": "Comets"}


@pytest.mark.parametrize(
    "event",
    [
        "pay_pressed",
        "payment_mismatch",
        "fraud_warning",
        "review_opened",
        "review_closed",
        "refund_requested",
        "refund_refused",
        "restocked",
    ],
)
def test_internal_events_are_hidden(event):
    assert codes(happened(event, id="x", key="x", amount=1)) == ["placed"]


@pytest.mark.parametrize("target", ["disputed", "dispute_won", "dispute_lost", "refunded"])
def test_money_status_changes_are_shown_by_their_own_entries(target):
    assert codes(moved("paid", target)) == ["placed"]


def test_pending_then_succeeded_refund_is_shown_once():
    entries = [
        happened("refund_updated", 10, id="re_1", amount=500, status="pending"),
        happened("refund_updated", 20, id="re_2", amount=500, status="succeeded"),
        happened("refund_updated", 30, id="re_1", amount=500, status="succeeded"),
    ]
    assert codes(*entries) == ["placed", "refunded", "refunded"]


@pytest.mark.parametrize(
    ("status", "code"), [("failed", "refund_failed"), ("canceled", "refund_cancelled")]
)
def test_failed_refund_is_shown(status, code):
    entries = [
        happened("refund_updated", 10, id="re_1", amount=500, status="succeeded"),
        happened("refund_updated", 20, id="re_1", amount=500, status=status),
    ]
    assert codes(*entries) == ["placed", "refunded", code]
    assert items(*entries)[-1].text.mapping == {"amount": "£5.00"}


def test_every_code_has_a_text():
    assert set(labels.REFUND_CODES) == set(RefundStatus)
    used = {*labels.REFUND_CODES.values(), *labels.SHOWN_STATUS_CHANGES.values()}
    assert used <= set(labels.TIMELINE_TEXTS)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("won", "bank_question_resolved"),
        ("warning_closed", "bank_question_resolved"),
        ("prevented", "bank_question_resolved"),
        ("lost", "payment_reversed"),
    ],
)
def test_dispute_is_shown_as_a_question_and_its_outcome(end, code):
    entries = [
        happened("dispute_updated", minute, id="dp_1", status=status)
        for minute, status in enumerate(["needs_response", "under_review", end], start=5)
    ]
    assert codes(*entries) == ["placed", "bank_question", code]


@pytest.mark.parametrize("status", list(DisputeStatus))
def test_dispute_texts_reveal_no_suspicion(status):
    (_, item) = items(happened("dispute_updated", id="dp_1", status=status.value))
    assert not any(word in item.text.lower() for word in ("fraud", "dispute", "charge"))


def test_simultaneous_events_keep_their_order():
    entries = [
        moved("expired", "paid", 5),
        happened("out_of_stock", 5),
        happened("refund_updated", 5, id="re_1", amount=999, status="pending"),
        moved("awaiting_payment", "expired", 2),
    ]
    assert codes(*entries, paid_at=NOW + timedelta(minutes=5)) == [
        "placed",
        "expired",
        "paid",
        "out_of_stock",
        "refunded",
    ]


def test_amounts_follow_the_locale():
    made = order(
        book(),
        currency="JPY",
        entries=[happened("refund_updated", id="re_1", amount=1500, status="succeeded")],
    )
    assert timeline(made, "ja_JP")[-1].text.mapping == {"amount": "￥1,500"}


def test_every_status_has_a_message_of_its_own():
    extra = {labels.PAYMENT_MISMATCH, labels.PREORDER, labels.OUT_OF_STOCK, *Rejection}
    assert set(labels.STATUS_MESSAGES) == {*OrderStatus, *extra}
    headings = {message.heading for message in labels.STATUS_MESSAGES.values()}
    assert len(headings) == len(labels.STATUS_MESSAGES)


@pytest.mark.parametrize("text", [*labels.TIMELINE_TEXTS.values()])
def test_timeline_texts_are_sentences(text):
    assert text[0].isupper()
    assert text.endswith(".")
