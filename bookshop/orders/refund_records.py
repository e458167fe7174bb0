"""Refunds in the database: requested by the shop, and recorded as Stripe reports them.

A refund is recorded under its own key before Stripe is called, so that a crash at any point leads
to exactly one refund. https://docs.stripe.com/refunds
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookshop.inventory import reservations
from bookshop.money import Money
from bookshop.orders.audit import AuditEvent, TransitionContext, record_event
from bookshop.orders.models import Order, RefundRecord
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.payments.charges import Refund, RefundStatus

log = logging.getLogger(__name__)


class LocalRefundStatus(StrEnum):
    """The status of a refund that does not exist at Stripe."""

    REQUESTED = "requested"
    REFUSED = "refused"


#: Statuses of refunds that count as refunded: paid out or pending at Stripe.
COUNTED_STATUSES = frozenset(status.value for status in RefundStatus if status.counts)


def refundable_amount(session: Session, order: Order) -> Money:
    """Return the part of the total that is neither refunded nor requested to be."""
    requested = _sum_of_refunds(session, order, {LocalRefundStatus.REQUESTED})
    return Money(order.total - order.refunded - requested, order.currency)


def requested_refunds(session: Session, order: Order) -> Sequence[RefundRecord]:
    """Return the refunds of the order that were requested and not executed yet."""
    query = select(RefundRecord).where(
        RefundRecord.order_id == order.id, RefundRecord.status == LocalRefundStatus.REQUESTED
    )
    return session.scalars(query).all()


def takes_copies_back(session: Session, order: Order) -> bool:
    """True if the order's copies must stay in the shop, because of its refunds.

    Either nothing is left of the payment, or a requested refund returns the copies to stock. A
    request counts from the moment it is recorded, whatever Stripe answers later.
    """
    is_refunded = refundable_amount(session, order).amount <= 0
    return is_refunded or any(refund.restock for refund in requested_refunds(session, order))


def add_refund(
    context: TransitionContext, order: Order, key: str, amount: Money, *, restock: bool
) -> RefundRecord:
    """Record a refund request under its unique key, without any check."""
    record = RefundRecord(
        order_id=order.id,
        key=key,
        amount=amount.amount,
        status=LocalRefundStatus.REQUESTED,
        restock=restock,
        requested_at=context.now,
    )
    context.session.add(record)
    record_event(context, order, AuditEvent.REFUND_REQUESTED, key=key, amount=amount.amount)
    return record


def request_full_refund(context: TransitionContext, order: Order, reason: str) -> None:
    """Request a refund of the total of an order that is not accepted. Idempotent.

    `reason` is part of the refund's key.
    """
    key = f"{order.number}/{reason}"
    if context.session.scalar(select(RefundRecord.id).where(RefundRecord.key == key)) is None:
        add_refund(context, order, key, order.money, restock=False)


def record_stripe_refunds(
    context: TransitionContext, order: Order, refunds: Iterable[Refund]
) -> None:
    """Record refunds of the order as Stripe reports them, and the sum of all. Idempotent.

    They include refunds that were made in Stripe's dashboard. A refund never returns to an earlier
    stage, and never disappears, so that reports may arrive late and in any order.
    """
    for refund in sorted(refunds, key=lambda each: (each.created, each.id)):
        _record_stripe_refund(context, order, refund)
    context.session.flush()
    order.refunded = _sum_of_refunds(context.session, order, COUNTED_STATUSES)


def _sum_of_refunds(session: Session, order: Order, statuses: Iterable[str]) -> int:
    """Return the sum of the order's refunds with these statuses, in minor units."""
    total = session.scalar(
        select(func.coalesce(func.sum(RefundRecord.amount), 0)).where(
            RefundRecord.order_id == order.id, RefundRecord.status.in_(statuses)
        )
    )
    return int(total or 0)


def _record_stripe_refund(context: TransitionContext, order: Order, refund: Refund) -> None:
    record = _find_or_add(context.session, order, refund)
    if record.stripe_id == refund.id:
        recorded = RefundStatus(record.status)
        if recorded is refund.status or refund.status.rank < recorded.rank:
            return
    amount, status = refund.amount.amount, refund.status.value
    record.stripe_id, record.amount = refund.id, amount
    record.status, record.problem = status, refund.failure_reason
    event = AuditEvent.REFUND_UPDATED
    record_event(context, order, event, id=refund.id, amount=amount, status=status)
    if not refund.status.counts:
        fields = {"order": order.number, "refund": refund.id, "status": status}
        log.error("refund_failed", extra=fields)
        return
    enqueue_order_email(
        context.session, order, MailKind.REFUNDED, refund.id, context.now, amount=amount
    )
    if record.restock:
        _restock(context, order)


def _find_or_add(session: Session, order: Order, refund: Refund) -> RefundRecord:
    record = session.scalar(select(RefundRecord).where(RefundRecord.stripe_id == refund.id))
    if record is None and refund.reference is not None:
        record = session.scalar(
            select(RefundRecord).where(
                RefundRecord.key == refund.reference,
                RefundRecord.order_id == order.id,
                RefundRecord.stripe_id.is_(None),
            )
        )
    if record is None:
        record = RefundRecord(
            order_id=order.id,
            amount=refund.amount.amount,
            status=refund.status.value,
            requested_at=refund.created,
        )
        session.add(record)
    return record


def _restock(context: TransitionContext, order: Order) -> None:
    if order.accepted and reservations.restock(context.session, order):
        record_event(context, order, AuditEvent.RESTOCKED)
