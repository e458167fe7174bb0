"""Copies that are kept for somebody who is paying.

A copy is taken by one conditional write, so the last one is given once, whatever the number of
processes. A hold ends with the payment, or lapses; whoever wants the copies then frees them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from bookshop.catalogue.models import BookRecord
from bookshop.orders.models import Order, OrderLine, OrderStatus

HOLD = timedelta(minutes=15)


class SoldOutError(Exception):
    """There are not enough free copies of the book called `title`."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


def hold(session: Session, order: Order, now: datetime) -> datetime:
    """Keep the order's copies until the time that is returned; holding on is repeatable.

    Raises SoldOutError, and the transaction has then to be given up.
    """
    if not order.holding:
        for line in _in_lock_order(order):
            if not _write(session, line, held=BookRecord.held + line.quantity):
                raise SoldOutError(line.title)
        order.holding = True
    order.held_until = now + HOLD
    return order.held_until


def release(session: Session, order: Order) -> None:
    """Give the order's copies back, if it holds any."""
    if order.holding:
        for line in _in_lock_order(order):
            session.execute(
                update(BookRecord)
                .where(BookRecord.sku == line.sku)
                .values(held=BookRecord.held - line.quantity)
            )
    order.holding, order.held_until = False, None


def sell(session: Session, order: Order) -> bool:
    """Take the order's copies off the stock for good; False, and none taken, where one is gone."""
    # What is released here stays locked for this transaction: nobody comes in between.
    release(session, order)
    with session.begin_nested() as attempt:
        for line in _in_lock_order(order):
            if not _write(session, line, stock=BookRecord.stock - line.quantity):
                attempt.rollback()
                return False
    return True


def free_lapsed(session: Session, now: datetime) -> int:
    """Give back what is held for orders whose time is up; how many there were."""
    lapsed = (
        select(Order)
        .where(
            Order.holding,
            Order.held_until < now,
            Order.status == OrderStatus.AWAITING_PAYMENT,
        )
        .order_by(Order.id)
        .with_for_update(skip_locked=True)
    )
    orders = session.scalars(lapsed).all()
    # All books are locked in one order first, so that two sweeps never wait for each other.
    skus = {line.sku for order in orders for line in order.lines}
    books = select(BookRecord.id).where(BookRecord.sku.in_(skus)).order_by(BookRecord.sku)
    session.execute(books.with_for_update())
    for order in orders:
        release(session, order)
    session.flush()
    return len(orders)


def _write(session: Session, line: OrderLine, **values: Any) -> bool:
    """Change a line's book by one conditional write; False where too few copies are free."""
    enough = BookRecord.stock.is_(None) | (BookRecord.stock - BookRecord.held >= line.quantity)
    written = session.execute(
        update(BookRecord).where(BookRecord.sku == line.sku, enough).values(values)
    )
    return cast("CursorResult[Any]", written).rowcount == 1


def _in_lock_order(order: Order) -> list[OrderLine]:
    """The lines in one order for everybody, so that two orders never wait for each other."""
    return sorted(order.lines, key=lambda line: line.sku)
