"""An order outside its transaction: plain, frozen, safe to hand to a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bookshop.money import Money
from bookshop.orders.models import Order
from bookshop.orders.states import OrderStatus


@dataclass(frozen=True)
class LineSnapshot:
    """A line as sold."""

    sku: str
    title: str
    digital: bool
    quantity: int
    shipped: int
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
    address: Mapping[str, str] | None
    payment_intent: str | None
    intent_status: str | None
    refunded: Money
    held_until: datetime | None
    short: bool
    contradicted: bool
    under_review: bool
    warned_at: datetime | None
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
        address=order.address,
        payment_intent=order.payment_intent,
        intent_status=order.intent_status,
        refunded=Money(order.refunded, order.currency),
        held_until=order.held_until,
        short=order.short,
        contradicted=order.contradicted,
        under_review=order.under_review,
        warned_at=order.warned_at,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        lines=tuple(
            LineSnapshot(
                sku=line.sku,
                title=line.title,
                digital=line.digital,
                quantity=line.quantity,
                shipped=line.shipped,
                amount=Money(line.amount, line.currency),
            )
            for line in order.lines
        ),
    )
