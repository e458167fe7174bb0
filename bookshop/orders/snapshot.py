"""An order outside its transaction: plain, frozen, safe to hand to a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bookshop.money import Money
from bookshop.orders.models import Order, OrderStatus


@dataclass(frozen=True)
class LineSnapshot:
    """A line as sold."""

    sku: str
    title: str
    quantity: int
    amount: Money


@dataclass(frozen=True)
class OrderSnapshot:
    """An order as it was when it was read."""

    number: str
    status: OrderStatus
    visitor: str
    total: Money
    revision: int
    email: str | None
    payment_intent: str | None
    held_until: datetime | None
    short: bool
    placed_at: datetime
    paid_at: datetime | None
    lines: tuple[LineSnapshot, ...]

    @property
    def description(self) -> str:
        """What the order is called at Stripe and on receipts."""
        return f"Order {self.number}"


def snapshot(order: Order) -> OrderSnapshot:
    """The order as it is now."""
    return OrderSnapshot(
        number=order.number,
        status=OrderStatus(order.status),
        visitor=order.visitor,
        total=order.money,
        revision=order.revision,
        email=order.email,
        payment_intent=order.payment_intent,
        held_until=order.held_until,
        short=order.short,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        lines=tuple(
            LineSnapshot(line.sku, line.title, line.quantity, Money(line.amount, order.currency))
            for line in order.lines
        ),
    )
