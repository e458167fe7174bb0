"""Copies that are kept for somebody who is paying.

A copy is taken by one conditional write, so the last one is given once, whatever the number of
processes. A hold ends with the payment, or lapses; whoever wants the copies then frees them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from bookshop.catalogue.models import BookRecord
from bookshop.orders.models import Order, OrderLine

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


def keep(session: Session, order: Order) -> None:
    """Keep the order's copies without an end, since its payment is under way.

    Where they have gone meanwhile none are kept, and whoever pays first has them.
    """
    if not order.holding:
        with session.begin_nested() as attempt:
            for line in _in_lock_order(order):
                if not _write(session, line, held=BookRecord.held + line.quantity):
                    attempt.rollback()
                    return
        order.holding = True
    order.held_until = None


def restock(session: Session, order: Order) -> None:
    """Put the order's copies back on the shelf; an e-book has no end of them."""
    for line in _in_lock_order(order):
        session.execute(
            update(BookRecord)
            .where(BookRecord.sku == line.sku, BookRecord.stock.is_not(None))
            .values(stock=BookRecord.stock + line.quantity)
        )


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
