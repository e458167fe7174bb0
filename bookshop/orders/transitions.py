"""Order status transitions: the only code that changes `Order.status`; the table is in `states`."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from sqlalchemy import select

from bookshop.orders.audit import Cause, TransitionContext, record_transition
from bookshop.orders.effects import EFFECTS
from bookshop.orders.models import DisputeRecord, Order, OrderLine
from bookshop.orders.states import TRANSITIONS, OrderStatus
from bookshop.payments.charges import DisputeStatus

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
    found = TRANSITIONS.get((OrderStatus(order.status), target))
    return found is not None and cause.actor in found.by


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
