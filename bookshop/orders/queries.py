"""Finding orders: one to change, by its number, or the newest to list."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.models import Order
from bookshop.orders.number import read_number
from bookshop.orders.snapshot import OrderSnapshot, order_snapshot
from bookshop.orders.states import OrderStatus


class NoSuchOrderError(Exception):
    """There is no order with this number; the message names it."""


def lock_order(session: Session, number: str) -> Order:
    """Return the order, locked until the transaction ends. Raises NoSuchOrderError.

    `number` may be written in any way that `read_number` accepts.
    """
    query = select(Order).where(Order.number == (read_number(number) or number))
    order = session.scalar(query.with_for_update())
    if order is None:
        raise NoSuchOrderError(f"There is no order {number}.")
    return order


def newest_orders(
    session: Session, limit: int, status: OrderStatus | None = None
) -> list[OrderSnapshot]:
    """Return the last `limit` orders, optionally of one status, newest first."""
    query = select(Order)
    if status is not None:
        query = query.where(Order.status == status)
    query = query.order_by(Order.id.desc()).limit(limit)
    return [order_snapshot(order) for order in session.scalars(query)]
