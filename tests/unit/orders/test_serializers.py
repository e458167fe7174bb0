"""Snapshots of orders, the newest orders, and orders as JSON data."""

import dataclasses
import json

import pytest

from bookshop.money import Money
from bookshop.orders.audit import (
    AuditEvent,
    Cause,
    TransitionContext,
    record_event,
    record_transition,
)
from bookshop.orders.models import DisputeRecord, RefundRecord
from bookshop.orders.queries import newest_orders
from bookshop.orders.serializers import order_details, order_flags, order_to_json
from bookshop.orders.snapshot import order_snapshot
from bookshop.orders.states import Actor, OrderStatus
from tests.unit.makers import NOW, book, order


def test_snapshot_is_usable_after_its_session(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        made = order(
            book("A", title="One"), book("B", title="Two"), quantity=2, email="a@b.example"
        )
        session.add(made)
        session.flush()
        session.refresh(made)
        snapshot = order_snapshot(made)
    assert snapshot.status is OrderStatus.AWAITING_PAYMENT
    assert snapshot.total == Money(4 * 999, "GBP")
    assert [(line.sku, line.title, line.quantity, line.amount) for line in snapshot.lines] == [
        ("A", "One", 2, Money(1998, "GBP")),
        ("B", "Two", 2, Money(1998, "GBP")),
    ]
    assert snapshot.placed_at == NOW
    assert snapshot.description == f"Order {snapshot.number}"
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.status = OrderStatus.PAID


def test_unknown_status_is_refused():
    with pytest.raises(ValueError, match="lost"):
        order(book(), status="lost")


def test_newest_orders_are_limited_and_sorted(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        made = [order(book(), placed_at=NOW) for _ in range(4)]
        for item in made:
            session.add(item)
            session.flush()
        numbers = [item.number for item in made]
    with sqlite_sessions() as session:
        assert [found.number for found in newest_orders(session, 3)] == numbers[:0:-1]


def test_order_is_json_with_amounts_in_minor_units():
    made = order(book("A", title="Größe"), quantity=3, currency="JPY", price=500)
    made.status, made.revision, made.lines[0].shipped = OrderStatus.PAID, 1, 0
    assert json.loads(json.dumps(order_to_json(order_snapshot(made)))) == {
        "number": made.number,
        "status": "paid",
        "payment_intent": made.payment_intent,
        "currency": "JPY",
        "total": 1500,
        "refunded": 0,
        "email": None,
        "lines": [{"sku": "A", "title": "Größe", "quantity": 3, "amount": 1500, "shipped": 0}],
        "placed_at": "2026-06-01T12:00:00+00:00",
        "paid_at": None,
        "flags": [],
    }


def test_order_details_include_refunds_disputes_and_history(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        made = order(book(), status=OrderStatus.PARTLY_REFUNDED, refunded=5, out_of_stock=True)
        session.add(made)
        session.flush()
        number = made.number
        context = TransitionContext(session, Cause(Actor.STAFF, "refund by ada"), NOW)
        record_event(context, made, AuditEvent.REFUND_REQUESTED, key="K/0", amount=5)
        record_transition(context, made, OrderStatus.PAID, OrderStatus.PARTLY_REFUNDED)
        session.add_all(
            [
                RefundRecord(
                    order_id=made.id, key="K/0", amount=5, status="requested", requested_at=NOW
                ),
                DisputeRecord(
                    order_id=made.id,
                    stripe_id="du_1",
                    amount=999,
                    reason="general",
                    status="won",
                    opened_at=NOW,
                ),
            ]
        )
    with sqlite_sessions() as session:
        details = json.loads(json.dumps(order_details(session, number)))
        assert order_details(session, "K7QM-2X9T-4BCD") is None
    at = "2026-06-01T12:00:00+00:00"
    by = {"at": at, "actor": "staff", "cause": "refund by ada"}
    assert (details["refunded"], details["flags"]) == (5, ["out_of_stock"])
    assert details["refunds"] == [
        {
            "id": None,
            "key": "K/0",
            "amount": 5,
            "status": "requested",
            "problem": None,
            "restock": False,
            "requested_at": at,
        }
    ]
    assert details["disputes"] == [
        {"id": "du_1", "amount": 999, "reason": "general", "status": "won", "opened_at": at}
    ]
    assert details["history"] == [
        {
            **by,
            "event": "refund_requested",
            "from": None,
            "to": None,
            "detail": {"key": "K/0", "amount": 5},
        },
        {**by, "event": "status_changed", "from": "paid", "to": "partly_refunded", "detail": {}},
    ]


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ({"out_of_stock": True}, ["out_of_stock"]),
        ({"payment_mismatch": True}, ["payment_mismatch"]),
        ({"under_review": True, "fraud_warned_at": NOW}, ["under_review", "fraud_warning"]),
    ],
)
def test_flags_name_what_must_be_checked(values, flags):
    made = order(book(), revision=1, **values)
    assert order_flags(order_snapshot(made)) == flags


def test_newest_orders_of_one_status(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        made = order(book(), status=OrderStatus.PAID)
        session.add_all([made, order(book())])
        session.flush()
        number = made.number
    with sqlite_sessions() as session:
        assert [each.number for each in newest_orders(session, 9, OrderStatus.PAID)] == [number]
