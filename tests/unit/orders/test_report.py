"""Orders outside their transaction: as pages see them, and as reports give them."""

import dataclasses
import json

import pytest

from bookshop.money import Money
from bookshop.orders.models import OrderStatus
from bookshop.orders.report import by_number, newest, report
from bookshop.orders.snapshot import snapshot
from tests.unit.makers import NOW, book, order


def test_a_snapshot_outlives_its_session(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        made = order(
            book("A", title="One"), book("B", title="Two"), quantity=2, email="a@b.example"
        )
        session.add(made)
        session.flush()
        session.refresh(made)
        taken = snapshot(made)
    assert taken.status is OrderStatus.AWAITING_PAYMENT
    assert taken.total == Money(4 * 999, "GBP")
    assert [(line.sku, line.title, line.quantity, line.amount) for line in taken.lines] == [
        ("A", "One", 2, Money(1998, "GBP")),
        ("B", "Two", 2, Money(1998, "GBP")),
    ]
    assert taken.placed_at == NOW
    assert taken.description == f"Order {taken.number}"
    with pytest.raises(dataclasses.FrozenInstanceError):
        taken.status = OrderStatus.PAID


def test_a_status_that_does_not_exist_cannot_be_given():
    with pytest.raises(ValueError, match="refunded"):
        order(book(), status="refunded")


def test_the_newest_orders_come_first_and_no_more_than_asked_for(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        made = [order(book(), placed_at=NOW) for _ in range(4)]
        for item in made:
            session.add(item)
            session.flush()
        numbers = [item.number for item in made]
    with sqlite_sessions() as session:
        assert [found.number for found in newest(session, 3)] == numbers[:0:-1]


def test_an_order_is_found_by_its_number(sqlite_sessions):
    with sqlite_sessions.begin() as session:
        made = order(book())
        session.add_all([made, order(book())])
        session.flush()
        number = made.number
    with sqlite_sessions() as session:
        assert by_number(session, number).number == number
        assert by_number(session, "K7QM-2X9T-4BCD") is None


def test_a_report_is_json_with_amounts_in_minor_units():
    made = order(book("A", title="Größe"), quantity=3, currency="JPY", price=500)
    made.status, made.revision = OrderStatus.PAID, 1
    assert json.loads(json.dumps(report(snapshot(made)))) == {
        "number": made.number,
        "status": "paid",
        "payment_intent": made.payment_intent,
        "currency": "JPY",
        "total": 1500,
        "refunded": 0,
        "email": None,
        "lines": [{"sku": "A", "title": "Größe", "quantity": 3, "amount": 1500}],
    }
