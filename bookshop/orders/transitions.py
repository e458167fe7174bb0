"""Order status transitions and their effects: the only code that changes `Order.status`.

The table of transitions is in `states`. Effects, such as e-mails, belong to the same transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from functools import partial

from sqlalchemy import select

from bookshop.inventory import reservations
from bookshop.mail.outbox import was_enqueued
from bookshop.orders.audit import (
    AuditEvent,
    Cause,
    TransitionContext,
    record_event,
    record_transition,
)
from bookshop.orders.models import DisputeRecord, Order, OrderLine
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.offers import find_rejection, has_fixed_total
from bookshop.orders.refund_records import request_full_refund
from bookshop.orders.states import CLOSED, TRANSITIONS, Effect, OrderStatus, Rejection
from bookshop.payments.charges import DisputeStatus
from bookshop.payments.intents import OPEN_INTENT_STATUSES

log = logging.getLogger(__name__)

#: Statuses of disputes and inquiries that the bank has not decided.
OPEN_DISPUTE_STATUSES = frozenset(
    {
        DisputeStatus.WARNING_NEEDS_RESPONSE,
        DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
    }
)


class ForbiddenTransitionError(Exception):
    """The table has no such transition, or not for this actor."""


def is_allowed(order: Order, target: OrderStatus, cause: Cause) -> bool:
    """Return True if the table has a transition to `target` for the actor of `cause`."""
    allowed = TRANSITIONS.get((OrderStatus(order.status), target))
    return allowed is not None and cause.actor in allowed.by


def transition(context: TransitionContext, order: Order, target: OrderStatus) -> None:
    """Change the status of the locked order, with all effects of the transition.

    Raises ForbiddenTransitionError.
    """
    source = OrderStatus(order.status)
    if not is_allowed(order, target, context.cause):
        message = f"{source.value} -> {target.value} by {context.cause.actor.value}"
        raise ForbiddenTransitionError(message)
    log.info(
        "order_status_changed",
        extra={
            "order": order.number,
            "from_status": source.value,
            "to_status": target.value,
            "cause": context.cause.trigger,
        },
    )
    order.status = target
    record_transition(context, order, source, target)
    for effect in TRANSITIONS[source, target].effects:
        EFFECTS[effect](context, order)


def update_status(context: TransitionContext, order: Order) -> None:
    """Change the status of a paid order to the one that its refunds, disputes and lines imply."""
    context.session.flush()
    disputes = context.session.scalars(
        select(DisputeRecord.status).where(DisputeRecord.order_id == order.id)
    )
    target = derive_status(order, set(disputes))
    if target != order.status:
        transition(context, order, target)


def derive_status(order: Order, disputes: AbstractSet[str]) -> OrderStatus:
    """Return the status of a paid order; `disputes` are the statuses of its disputes.

    It depends on the recorded facts alone, so the order in which they arrived does not matter.
    """
    if disputes & OPEN_DISPUTE_STATUSES:
        return OrderStatus.DISPUTED
    if DisputeStatus.LOST in disputes:
        return OrderStatus.DISPUTE_LOST
    if order.refunded == order.total:
        return OrderStatus.REFUNDED
    if order.refunded:
        return OrderStatus.PARTLY_REFUNDED
    if DisputeStatus.WON in disputes:
        return OrderStatus.DISPUTE_WON
    return fulfilment_status(order.lines)


def fulfilment_status(lines: Iterable[OrderLine]) -> OrderStatus:
    """Return the status that the shipped quantities imply; delivered if all lines are digital."""
    lines = list(lines)
    if not any(line.shipped for line in lines):
        return OrderStatus.PAID
    if any(line.shipped < line.quantity for line in lines):
        return OrderStatus.PARTLY_SHIPPED
    if all(line.digital for line in lines):
        return OrderStatus.DELIVERED
    return OrderStatus.SHIPPED


def release_dedup_key(order: Order) -> None:
    """Allow a new order for the same items once this closed order can no longer be paid.

    Releasing the key earlier could let the customer pay for both orders.
    """
    if order.status in CLOSED and order.intent_status not in OPEN_INTENT_STATUSES:
        order.dedup_key = None


def _rejection(context: TransitionContext, order: Order) -> Rejection | None:
    """Return why a payment is not accepted; None if it is."""
    if order.rejection is not None:
        return Rejection(order.rejection)
    if has_fixed_total(order, context.now):
        return None
    return find_rejection(context.session, order)


def _reserve_without_expiry(context: TransitionContext, order: Order) -> None:
    # Without a reservation the payment is judged again when the money arrives.
    if _rejection(context, order) is None:
        reservations.reserve_without_expiry(context.session, order)


def _begin_last_period(context: TransitionContext, order: Order) -> None:
    reservations.begin_last_period(order, context.now)


def _sell_stock(context: TransitionContext, order: Order) -> None:
    order.paid_at = context.now
    rejection = _rejection(context, order)
    if rejection is not None:
        reservations.release(context.session, order)
        order.rejection = rejection.value
        order.dedup_key = None  # the customer may order again
        fields = {"order": order.number, "reason": rejection.value}
        log.warning("payment_rejected", extra=fields)
        record_event(context, order, AuditEvent.PAYMENT_REJECTED, reason=rejection.value)
        request_full_refund(context, order, rejection.value)
    elif not reservations.sell_reserved(context.session, order):
        order.out_of_stock = True
        log.warning("order_out_of_stock_refunded", extra={"order": order.number})
        record_event(context, order, AuditEvent.OUT_OF_STOCK)
        request_full_refund(context, order, "out_of_stock")


def _release_stock(context: TransitionContext, order: Order) -> None:
    reservations.release(context.session, order)


def _release_dedup_key(_context: TransitionContext, order: Order) -> None:
    release_dedup_key(order)


def _email(kind: MailKind, context: TransitionContext, order: Order) -> None:
    enqueue_order_email(context.session, order, kind, "", context.now)


def _email_paid(context: TransitionContext, order: Order) -> None:
    if order.out_of_stock:
        _email(MailKind.SOLD_OUT, context, order)
    else:
        _email(MailKind.PAID if order.accepted else MailKind.REJECTED, context, order)


def _email_expired(context: TransitionContext, order: Order) -> None:
    # The e-mail about a failed payment says already how to order again.
    if not was_enqueued(context.session, order.id, MailKind.PAYMENT_FAILED):
        _email(MailKind.EXPIRED, context, order)


EFFECTS: dict[Effect, Callable[[TransitionContext, Order], None]] = {
    Effect.RESERVE_WITHOUT_EXPIRY: _reserve_without_expiry,
    Effect.EXTEND_RESERVATION: _begin_last_period,
    Effect.SELL_STOCK: _sell_stock,
    Effect.RELEASE_STOCK: _release_stock,
    Effect.RELEASE_DEDUP_KEY: _release_dedup_key,
    Effect.EMAIL_PAID: _email_paid,
    Effect.EMAIL_PAYMENT_FAILED: partial(_email, MailKind.PAYMENT_FAILED),
    Effect.EMAIL_EXPIRED: _email_expired,
}
