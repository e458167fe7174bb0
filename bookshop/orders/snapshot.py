"""Snapshots of orders: frozen dataclasses for use outside a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bookshop.money import Money
from bookshop.orders.models import Order
from bookshop.orders.states import OrderStatus, Rejection


@dataclass(frozen=True)
class LineSnapshot:
    """A line of an order."""

    sku: str
    title: str
    byline: str
    form: str
    digital: bool
    quantity: int
    shipped: int
    amount: Money


@dataclass(frozen=True)
class OrderSnapshot:
    """The state of an order when it was read."""

    number: str
    status: OrderStatus
    session_id: str
    total: Money
    revision: int
    email: str | None
    address: Mapping[str, str] | None
    payment_intent: str | None
    intent_status: str | None
    refunded: Money
    reserved_until: datetime | None
    out_of_stock: bool
    rejection: Rejection | None
    payment_mismatch: bool
    under_review: bool
    fraud_warned_at: datetime | None
    placed_at: datetime
    paid_at: datetime | None
    lines: tuple[LineSnapshot, ...]

    @property
    def accepted(self) -> bool:
        """False if the payment is refunded in full, so that nothing is shipped."""
        return not self.out_of_stock and self.rejection is None

    @property
    def description(self) -> str:
        """The description of the payment at Stripe and on receipts."""
        return f"Order {self.number}"


def order_snapshot(order: Order) -> OrderSnapshot:
    """Return the order's present state."""
    return OrderSnapshot(
        number=order.number,
        status=OrderStatus(order.status),
        session_id=order.session_id,
        total=order.money,
        revision=order.revision,
        email=order.email,
        address=order.address,
        payment_intent=order.payment_intent,
        intent_status=order.intent_status,
        refunded=Money(order.refunded, order.currency),
        reserved_until=order.reserved_until,
        out_of_stock=order.out_of_stock,
        rejection=Rejection(order.rejection) if order.rejection else None,
        payment_mismatch=order.payment_mismatch,
        under_review=order.under_review,
        fraud_warned_at=order.fraud_warned_at,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        lines=tuple(
            LineSnapshot(
                sku=line.sku,
                title=line.title,
                byline=line.byline,
                form=line.form,
                digital=line.digital,
                quantity=line.quantity,
                shipped=line.shipped,
                amount=Money(line.amount, line.currency),
            )
            for line in order.lines
        ),
    )
