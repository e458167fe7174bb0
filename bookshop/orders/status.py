"""Where a paid order stands: a function of what is known of its money and its goods.

Whatever order the facts arrived in, they lead to the same status.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from sqlalchemy import select

from bookshop.orders.audit import TransitionContext
from bookshop.orders.models import DisputeRecord, Order, OrderLine
from bookshop.orders.states import OrderStatus
from bookshop.orders.transitions import transition
from bookshop.payments.charges import DisputeStatus

OPEN = frozenset(
    {
        DisputeStatus.WARNING_NEEDS_RESPONSE,
        DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
    }
)


def update_status(occasion: TransitionContext, order: Order) -> None:
    """Move a paid order to where the facts put it."""
    occasion.session.flush()
    disputes = occasion.session.scalars(
        select(DisputeRecord.status).where(DisputeRecord.order_id == order.id)
    )
    target = derive_status(order, set(disputes))
    if target != order.status:
        transition(occasion, order, target)


def derive_status(order: Order, disputes: AbstractSet[str]) -> OrderStatus:
    """The status that the facts give a paid order; `disputes` are the statuses of its disputes."""
    if disputes & OPEN:
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
    """How far the goods are: paid, partly_shipped, shipped, or delivered where none is sent."""
    lines = list(lines)
    if not any(line.shipped for line in lines):
        return OrderStatus.PAID
    if any(line.shipped < line.quantity for line in lines):
        return OrderStatus.PARTLY_SHIPPED
    if all(line.digital for line in lines):
        return OrderStatus.DELIVERED
    return OrderStatus.SHIPPED
