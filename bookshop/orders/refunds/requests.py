"""Refund requests of operators, and the checks that they must pass."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookshop.money import Money
from bookshop.orders.audit import TransitionContext
from bookshop.orders.models import Order, RefundRecord
from bookshop.orders.refund_records import add_refund, refundable_amount
from bookshop.orders.states import BANK_DECIDES, PAID_FOR
from bookshop.payment_limits import smallest_step


class CannotRefundError(Exception):
    """The order cannot be refunded: `code` is stable, the message says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def request_refund(
    context: TransitionContext, order: Order, amount: Money, *, restock: bool
) -> RefundRecord:
    """Record a refund request; the order must be locked. Raises CannotRefundError.

    With `restock` the order's copies return to stock as soon as Stripe has accepted the refund.
    """
    _check(context.session, order, amount)
    count = context.session.scalar(
        select(func.count()).select_from(RefundRecord).where(RefundRecord.order_id == order.id)
    )
    return add_refund(context, order, f"{order.number}/{count}", amount, restock=restock)


def _check(session: Session, order: Order, amount: Money) -> None:
    if order.status in BANK_DECIDES:
        raise CannotRefundError(
            "disputed",
            "The customer disputed this payment: respond to the dispute in the Stripe dashboard.",
        )
    if order.status not in PAID_FOR:
        status = order.status.replace("_", " ")
        raise CannotRefundError("unpaid", f"The order is {status}: there is no payment to refund.")
    if amount.currency != order.currency:
        raise CannotRefundError("currency", f"The order was paid in {order.currency}.")
    left = refundable_amount(session, order)
    if left.amount <= 0:
        raise CannotRefundError(
            "refunded", "The whole payment was refunded already, or the refund is pending."
        )
    step = smallest_step(left.currency)
    smallest = Money(step, left.currency).value
    if amount.amount % step:
        raise CannotRefundError(
            "amount_too_precise", f"Stripe refunds multiples of {smallest} {left.currency} only."
        )
    if not 0 < amount.amount <= left.amount:
        raise CannotRefundError(
            "amount", f"The amount must be between {smallest} and {left.value} {left.currency}."
        )
