"""Orders as reports give them: plain values, amounts in minor units."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.models import Order
from bookshop.orders.snapshot import OrderSnapshot, snapshot


def newest(session: Session, limit: int) -> list[OrderSnapshot]:
    """The last `limit` orders, the newest first."""
    wanted = select(Order).order_by(Order.id.desc()).limit(limit)
    return [snapshot(order) for order in session.scalars(wanted)]


def by_number(session: Session, number: str) -> OrderSnapshot | None:
    """The order of that number."""
    order = session.scalar(select(Order).where(Order.number == number))
    return snapshot(order) if order else None


def report(order: OrderSnapshot) -> dict[str, Any]:
    """An order as JSON."""
    return {
        "number": order.number,
        "status": order.status.value,
        "payment_intent": order.payment_intent,
        "currency": order.total.currency,
        "total": order.total.amount,
        "refunded": 0,  # this version of the shop gives no money back
        "email": order.email,
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "amount": line.amount.amount,
            }
            for line in order.lines
        ],
    }
