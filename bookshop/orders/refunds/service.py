"""Money given back by somebody at the command line: asked for, and carried out at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import RefundRecord
from bookshop.orders.queries import locked
from bookshop.orders.refunds import requests
from bookshop.orders.refunds.execution import execute_with_retry
from bookshop.orders.states import OrderStatus
from bookshop.payments.charges import RefundStatus
from bookshop.payments.errors import PaymentsError
from bookshop.payments.gateway import Gateway

ON_ITS_WAY = frozenset(status.value for status in RefundStatus if status.counts)


@dataclass(frozen=True)
class RefundRequest:
    """A refund that somebody wants made: of `amount`, told the currency, or of all that is left."""

    number: str
    amount: Callable[[str], Money] | None
    restock: bool


@dataclass(frozen=True)
class RefundResult:
    """What became of a refund: `status` is Stripe's, or a LocalRefundStatus; `order` its order's.

    `problem` is why Stripe would not, or why it could not be asked.
    """

    number: str
    stripe_id: str | None
    amount: Money
    status: str
    problem: str | None
    order: OrderStatus

    @property
    def done(self) -> bool:
        """Whether the money is on its way."""
        return self.status in ON_ITS_WAY


def refund_order(
    sessions: sessionmaker[Session], gateway: Gateway, wish: RefundRequest, cause: Cause
) -> RefundResult:
    """Refund what is wished for.

    Waits for Stripe. Where that gives no answer the refund stays asked for, and the sweeper or
    `reconcile` makes it. Raises NoSuchOrderError, CannotRefundError, and the errors of `amount`.
    """
    with sessions.begin() as session:
        order = locked(session, wish.number)
        left = requests.refundable(session, order)
        amount = wish.amount(order.currency) if wish.amount else left
        occasion = TransitionContext(session, cause, clock.now())
        refund = requests.request(occasion, order, amount, restock=wish.restock)
        number, key = order.number, refund.key or ""
    unanswered = None
    try:
        execute_with_retry(sessions, gateway, key, cause)
    except PaymentsError as err:
        unanswered = str(err)
    with sessions.begin() as session:
        order = locked(session, number)
        refund = session.scalars(select(RefundRecord).where(RefundRecord.key == key)).one()
        waiting = refund.status == requests.LocalRefundStatus.REQUESTED
        return RefundResult(
            number,
            refund.stripe_id,
            amount,
            refund.status,
            unanswered if waiting else refund.problem,
            OrderStatus(order.status),
        )
