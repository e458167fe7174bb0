"""Which orders are deleted after the retention of unpaid orders, and what goes with them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bookshop import clock
from bookshop.mail.models import MailRecord
from bookshop.orders.audit import JOB_WORKER, AuditEvent, TransitionContext, record_event
from bookshop.orders.models import (
    INTENT_MISSING,
    AuditEntry,
    DisputeRecord,
    Order,
    OrderLine,
    RefundRecord,
)
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.payment import retention
from bookshop.orders.payment.retention import delete_unpaid_orders
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book, order

RETENTION = timedelta(days=30)
CLOSED = {"status": OrderStatus.EXPIRED, "intent_status": "canceled", "email": "ada@example.com"}


@pytest.fixture(autouse=True)
def later(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW + RETENTION + timedelta(seconds=1))


@pytest.fixture
def add(sessions):
    def add(**values):
        with sessions.begin() as session:
            item = book()
            made = order(item, **{**CLOSED, **values})
            session.add_all([item, made])
            session.flush()
            record_event(TransitionContext(session, JOB_WORKER, NOW), made, AuditEvent.PAY_PRESSED)
            enqueue_order_email(session, made, MailKind.EXPIRED, "", NOW)
            return made.id

    return add


def count(sessions, *models):
    with sessions() as session:
        return [session.scalar(select(func.count()).select_from(model)) for model in models]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"status": OrderStatus.CANCELLED},
        {"intent_status": INTENT_MISSING},
        {"payment_intent": None, "intent_status": None},
    ],
)
def test_unpaid_orders_are_deleted_with_their_addresses(sessions, add, values):
    add(**values)
    assert delete_unpaid_orders(sessions, RETENTION) == 1
    assert count(sessions, Order, OrderLine, AuditEntry, MailRecord) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "values",
    [
        {"placed_at": NOW + timedelta(days=1)},
        {"status": OrderStatus.AWAITING_PAYMENT},
        {"status": OrderStatus.PROCESSING},
        {"status": OrderStatus.PAID},
        {"status": OrderStatus.REFUNDED},
        {"intent_status": "requires_payment_method"},
        {"intent_status": None},
        {"paid_at": NOW},
        {"refunded": 1},
        {"payment_mismatch": True},
        {"fraud_warned_at": NOW},
    ],
)
def test_orders_with_money_or_a_payable_intent_are_kept(sessions, add, values):
    add(**values)
    assert delete_unpaid_orders(sessions, RETENTION) == 0
    assert count(sessions, Order) == [1]


def test_orders_with_refunds_or_disputes_are_kept(sessions, add):
    refund = RefundRecord(order_id=add(), amount=1, status="failed", requested_at=NOW)
    dispute = DisputeRecord(
        order_id=add(), stripe_id="dp_1", amount=1, reason="x", status="lost", opened_at=NOW
    )
    with sessions.begin() as session:
        session.add_all([refund, dispute])
    assert delete_unpaid_orders(sessions, RETENTION) == 0


def test_many_orders_are_deleted_in_batches(sessions, add, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for _each in range(5):
        add()
    assert delete_unpaid_orders(sessions, RETENTION) == 5
