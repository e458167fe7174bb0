"""Copies that are kept for somebody who is paying.

A copy is taken by one conditional write, so the last one is given once, whatever the number of
processes. A hold ends with the payment, or lapses; whoever wants the copies then frees them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, true, update
from sqlalchemy.orm import Session

from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import shown
from bookshop.catalogue.version import touch
from bookshop.orders.models import Order, OrderLine

RESERVATION_TIME = timedelta(minutes=15)


class OutOfStockError(Exception):
    """There are not enough free copies of the book called `title`."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


def reserve(session: Session, order: Order, now: datetime) -> datetime:
    """Keep the order's copies until the time that is returned; holding on is repeatable.

    Raises OutOfStockError, and the transaction has then to be given up.
    """
    if not order.holding:
        for line in _in_lock_order(order):
            if not _take(session, line, held=BookRecord.held + line.quantity):
                raise OutOfStockError(line.title)
        order.holding = True
    order.held_until = now + RESERVATION_TIME
    return order.held_until


def release(session: Session, order: Order) -> None:
    """Give the order's copies back, if it holds any."""
    if order.holding:
        for line in _in_lock_order(order):
            fewer = BookRecord.held - line.quantity
            _write(session, line, line.quantity, true(), held=fewer)
    order.holding, order.held_until = False, None


def sell_reserved(session: Session, order: Order) -> bool:
    """Take the order's copies off the stock for good; False, and none taken, where one is gone."""
    # What is released here stays locked for this transaction: nobody comes in between.
    release(session, order)
    with session.begin_nested() as attempt:
        for line in _in_lock_order(order):
            if not _take(session, line, stock=BookRecord.stock - line.quantity):
                attempt.rollback()
                return False
    return True


def reserve_without_expiry(session: Session, order: Order) -> None:
    """Keep the order's copies without an end, since its payment is under way.

    Where they have gone meanwhile none are kept, and whoever pays first has them.
    """
    if not order.holding:
        with session.begin_nested() as attempt:
            for line in _in_lock_order(order):
                if not _take(session, line, held=BookRecord.held + line.quantity):
                    attempt.rollback()
                    return
        order.holding = True
    order.held_until = None


def restock(session: Session, order: Order) -> None:
    """Put the order's copies back on the shelf; an e-book has no end of them."""
    for line in _in_lock_order(order):
        counted = BookRecord.stock.is_not(None)
        more = BookRecord.stock + line.quantity
        _write(session, line, line.quantity, counted, stock=more)


def _take(session: Session, line: OrderLine, **values: Any) -> bool:
    """Take a line's copies by one conditional write; False where too few are free."""
    enough = BookRecord.stock.is_(None) | (BookRecord.stock - BookRecord.held >= line.quantity)
    return _write(session, line, -line.quantity, enough, **values)


def _write(
    session: Session, line: OrderLine, more: int, where: ColumnElement[bool], **values: Any
) -> bool:
    """Change a line's book, of which `more` copies are free then; False where it is not so."""
    row = session.execute(
        update(BookRecord)
        .where(BookRecord.sku == line.sku, where)
        .values(values)
        .returning((BookRecord.stock - BookRecord.held).label("free"))
    ).one_or_none()
    if row is None:
        return False
    if row.free is not None and shown(row.free) != shown(row.free - more):
        touch(session)  # some page says something else from now on
    return True


def _in_lock_order(order: Order) -> list[OrderLine]:
    """The lines in one order for everybody, so that two orders never wait for each other."""
    return sorted(order.lines, key=lambda line: line.sku)
