"""Money that goes back: asked for here, carried out at Stripe, mirrored from what Stripe says.

A refund is written down before Stripe is asked, under a key of its own, so that a crash at any
point leads to the one refund that was meant. https://docs.stripe.com/refunds
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookshop.inventory import reservations
from bookshop.money import Money
from bookshop.orders.audit import TransitionContext, record_event
from bookshop.orders.models import Order, RefundRecord
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.states import PAID_FOR, OrderStatus
from bookshop.payments.charges import Refund, RefundStatus

LOG = logging.getLogger(__name__)


class LocalRefundStatus(StrEnum):
    """What a refund is while it has not become one of Stripe's."""

    REQUESTED = "requested"
    REFUSED = "refused"


class CannotRefundError(Exception):
    """The refund cannot be; the text says why, in plain words."""


#: Stripe would refuse as well: the bank has the money, or may take it.
DISPUTED_STATUSES = frozenset({OrderStatus.DISPUTED, OrderStatus.DISPUTE_LOST})


def refundable(session: Session, order: Order) -> Money:
    """What is left of the order's total, with everything off that is asked for already."""
    waiting = session.scalar(
        select(func.coalesce(func.sum(RefundRecord.amount), 0)).where(
            RefundRecord.order_id == order.id, RefundRecord.status == LocalRefundStatus.REQUESTED
        )
    )
    return Money(order.total - order.refunded - int(waiting or 0), order.currency)


def request(
    occasion: TransitionContext, order: Order, amount: Money, *, restock: bool
) -> RefundRecord:
    """Write a refund down; the order must be locked. Raises CannotRefundError.

    With `restock` its copies go back on the shelf as soon as Stripe has taken it on.
    """
    _check(occasion.session, order, amount)
    earlier = occasion.session.scalar(
        select(func.count()).select_from(RefundRecord).where(RefundRecord.order_id == order.id)
    )
    return _request(occasion, order, f"{order.number}/{earlier}", amount, restock=restock)


def request_all(occasion: TransitionContext, order: Order) -> None:
    """Write down that everything goes back, since there is no copy to send. Repeatable."""
    key = f"{order.number}/short"
    found = occasion.session.scalar(select(RefundRecord.id).where(RefundRecord.key == key))
    if found is None:
        _request(occasion, order, key, order.money, restock=False)


def record_stripe_refunds(
    occasion: TransitionContext, order: Order, refunds: Iterable[Refund]
) -> None:
    """Write down Stripe's word on the order's refunds: those asked for here and all others."""
    for refund in sorted(refunds, key=lambda each: (each.created, each.id)):
        _mirror(occasion, order, refund)
    occasion.session.flush()
    counting = [status.value for status in RefundStatus if status.counts]
    refunded = occasion.session.scalar(
        select(func.coalesce(func.sum(RefundRecord.amount), 0)).where(
            RefundRecord.order_id == order.id, RefundRecord.status.in_(counting)
        )
    )
    order.refunded = int(refunded or 0)


def _check(session: Session, order: Order, amount: Money) -> None:
    if order.status in DISPUTED_STATUSES:
        raise CannotRefundError(
            "The customer's bank has a say in this payment: answer the dispute at Stripe instead."
        )
    if order.status not in PAID_FOR:
        raise CannotRefundError(f"The order is {order.status}: there is no money to give back.")
    if amount.currency != order.currency:
        raise CannotRefundError(f"The order was paid in {order.currency}.")
    left = refundable(session, order)
    if left.amount == 0:
        raise CannotRefundError("Everything that was paid has gone back, or is on its way.")
    if not 0 < amount.amount <= left.amount:
        raise CannotRefundError(
            f"Between {Money(1, left.currency).value} and {left.value} {left.currency} can go back."
        )


def _request(
    occasion: TransitionContext, order: Order, key: str, amount: Money, *, restock: bool
) -> RefundRecord:
    found = RefundRecord(
        order_id=order.id,
        key=key,
        amount=amount.amount,
        status=LocalRefundStatus.REQUESTED,
        restock=restock,
        requested_at=occasion.now,
    )
    occasion.session.add(found)
    record_event(occasion, order, "refund_requested", key=key, amount=amount.amount)
    return found


def _mirror(occasion: TransitionContext, order: Order, refund: Refund) -> None:
    found = _record_of(occasion.session, order, refund)
    if found.stripe_id == refund.id and found.status == refund.status:
        return
    amount = refund.amount.amount
    found.stripe_id, found.amount = refund.id, amount
    found.status, found.problem = refund.status.value, refund.failure_reason
    record_event(occasion, order, "refund", id=refund.id, amount=amount, status=refund.status.value)
    if not refund.status.counts:
        LOG.error("order %s: refund %s has %s", order.number, refund.id, refund.status.value)
        return
    enqueue_order_email(
        occasion.session, order, MailKind.REFUNDED, refund.id, occasion.now, amount=amount
    )
    if found.restock:
        _restock(occasion, order)


def _record_of(session: Session, order: Order, refund: Refund) -> RefundRecord:
    found = session.scalar(select(RefundRecord).where(RefundRecord.stripe_id == refund.id))
    if found is None and refund.reference is not None:
        found = session.scalar(
            select(RefundRecord).where(
                RefundRecord.key == refund.reference,
                RefundRecord.order_id == order.id,
                RefundRecord.stripe_id.is_(None),
            )
        )
    if found is None:
        found = RefundRecord(
            order_id=order.id,
            amount=refund.amount.amount,
            status=refund.status.value,
            requested_at=refund.created,
        )
        session.add(found)
    return found


def _restock(occasion: TransitionContext, order: Order) -> None:
    if not order.short and order.restocked_at is None:
        reservations.restock(occasion.session, order)
        order.restocked_at = occasion.now
        record_event(occasion, order, "restocked")
