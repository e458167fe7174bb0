"""Refunds by an operator: requested and executed in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import RefundRecord
from bookshop.orders.queries import lock_order
from bookshop.orders.refund_records import (
    COUNTED_STATUSES,
    LocalRefundStatus,
    refundable_amount,
)
from bookshop.orders.refunds.execution import execute_with_retry
from bookshop.orders.refunds.requests import request_refund
from bookshop.orders.states import OrderStatus
from bookshop.payments.errors import PaymentsError
from bookshop.payments.gateway import Gateway


@dataclass(frozen=True)
class RefundRequest:
    """A refund to make. `amount` returns it for the order's currency; None is all that remains."""

    number: str
    amount: Callable[[str], Money] | None
    restock: bool


@dataclass(frozen=True)
class RefundResult:
    """The result: `status` is Stripe's or a LocalRefundStatus, `order` the order's status.

    `problem` is why Stripe refused, or why it did not respond.
    """

    number: str
    stripe_id: str | None
    amount: Money
    status: str
    problem: str | None
    order: OrderStatus

    @property
    def done(self) -> bool:
        """True if the money was refunded, or the refund is pending at Stripe."""
        return self.status in COUNTED_STATUSES


def refund_order(
    sessions: sessionmaker[Session], gateway: Gateway, request: RefundRequest, cause: Cause
) -> RefundResult:
    """Request a refund and execute it at Stripe.

    If Stripe does not respond, the refund stays requested; the job worker or `reconcile` executes
    it later. Raises NoSuchOrderError, CannotRefundError, and the errors of `request.amount`.
    """
    with sessions.begin() as session:
        order = lock_order(session, request.number)
        if request.amount:
            amount = request.amount(order.currency)
        else:
            amount = refundable_amount(session, order)
        context = TransitionContext(session, cause, clock.now())
        record = request_refund(context, order, amount, restock=request.restock)
        number, key = order.number, record.key or ""
    no_response = None
    try:
        execute_with_retry(sessions, gateway, key, cause)
    except PaymentsError as err:
        no_response = str(err)
    with sessions.begin() as session:
        order = lock_order(session, number)
        record = session.scalars(select(RefundRecord).where(RefundRecord.key == key)).one()
        is_requested = record.status == LocalRefundStatus.REQUESTED
        return RefundResult(
            number,
            record.stripe_id,
            amount,
            record.status,
            no_response if is_requested else record.problem,
            OrderStatus(order.status),
        )
