"""Reservations: copies of books that are set aside for a customer who is paying.

Copies are reserved by one conditional write, so that the last copy is sold once, from any number
of processes. A reservation ends with the payment or expires. This package does not import `orders`:
an order is any object with the attributes of `Reservable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, true, update
from sqlalchemy.orm import Session

from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.terms.availability import stock_level
from bookshop.catalogue.version import bump_version

RESERVATION_TIME = timedelta(minutes=15)
MAX_RESERVATION_TIME = timedelta(hours=1)  # from the first time, however often it is extended


class ReservableLine(Protocol):
    """Copies of one book; `restocked` of them were sold and are back in stock."""

    restocked: int

    @property
    def sku(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def quantity(self) -> int: ...


class Reservable(Protocol):
    """An order for which stock is reserved, with the state of its reservation.

    A reservation is not extended beyond `reservation_ends_at`.
    """

    stock_reserved: bool
    reserved_until: datetime | None
    reservation_ends_at: datetime | None

    @property
    def lines(self) -> Sequence[ReservableLine]: ...


class OutOfStockError(Exception):
    """There are not enough free copies of the book called `title`."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


def reserve(session: Session, order: Reservable, now: datetime) -> datetime:
    """Reserve the order's copies and return when the reservation expires.

    Repeating extends it, up to MAX_RESERVATION_TIME after the first time. Raises OutOfStockError;
    the caller must roll the transaction back.
    """
    if not order.stock_reserved:
        for line in _in_lock_order(order):
            if not _reserve_line(session, line):
                raise OutOfStockError(line.title)
        order.stock_reserved = True
    # A later end was stored while the clock was ahead.
    latest = now + MAX_RESERVATION_TIME
    order.reservation_ends_at = min(order.reservation_ends_at or latest, latest)
    reserved_until = order.reserved_until = min(now + RESERVATION_TIME, order.reservation_ends_at)
    return reserved_until


def release(session: Session, order: Reservable) -> None:
    """Release the order's reserved copies, if any."""
    if order.stock_reserved:
        for line in _in_lock_order(order):
            reserved = BookRecord.reserved - line.quantity
            _update_book(session, line, line.quantity, true(), reserved=reserved)
    order.stock_reserved, order.reserved_until = False, None


def sell_reserved(session: Session, order: Reservable) -> bool:
    """Deduct the order's copies from stock; return False and deduct none if one is missing."""
    # The released rows stay locked until the transaction ends, so no other order gets the copies.
    release(session, order)
    with session.begin_nested() as savepoint:
        for line in _in_lock_order(order):
            if not _take(session, line, line.quantity, stock=BookRecord.stock - line.quantity):
                savepoint.rollback()
                return False
    return True


def reserve_without_expiry(session: Session, order: Reservable) -> None:
    """Reserve the order's copies until its pending payment is decided.

    If they are out of stock, none are reserved; the payment decides later who gets the copies.
    """
    if not order.stock_reserved:
        with session.begin_nested() as savepoint:
            for line in _in_lock_order(order):
                if not _reserve_line(session, line):
                    savepoint.rollback()
                    return
        order.stock_reserved = True
    order.reserved_until = None


def begin_last_period(order: Reservable, now: datetime) -> None:
    """Limit a reservation without expiry to one more period, since the payment has failed."""
    if order.stock_reserved:
        order.reserved_until = order.reservation_ends_at = now + RESERVATION_TIME


def restock(session: Session, order: Reservable) -> int:
    """Return the order's sold copies to stock, each of them once; return their number.

    Unlimited stock is unchanged.
    """
    restocked = 0
    for line in _in_lock_order(order):
        copies = line.quantity - line.restocked
        is_limited = BookRecord.stock.is_not(None)
        _update_book(session, line, copies, is_limited, stock=BookRecord.stock + copies)
        line.restocked += copies
        restocked += copies
    return restocked


def take_restocked(session: Session, line: ReservableLine, copies: int) -> None:
    """Deduct copies from stock again that `restock` returned to it.

    Raises OutOfStockError if they have been sold since; the caller must roll back.
    """
    if not _take(session, line, copies, stock=BookRecord.stock - copies):
        raise OutOfStockError(line.title)
    line.restocked -= copies


def _reserve_line(session: Session, line: ReservableLine) -> bool:
    return _take(session, line, line.quantity, reserved=BookRecord.reserved + line.quantity)


def _take(session: Session, line: ReservableLine, copies: int, **values: Any) -> bool:
    """Write `values` if enough copies are free; return False otherwise."""
    enough = BookRecord.stock.is_(None) | (BookRecord.stock - BookRecord.reserved >= copies)
    return _update_book(session, line, -copies, enough, **values)


def _update_book(
    session: Session,
    line: ReservableLine,
    freed: int,
    condition: ColumnElement[bool],
    **values: Any,
) -> bool:
    """Write `values` if the condition holds, and return True; `freed` copies become available."""
    row = session.execute(
        update(BookRecord)
        .where(BookRecord.sku == line.sku, condition)
        .values(values)
        .returning((BookRecord.stock - BookRecord.reserved).label("free"))
    ).one_or_none()
    if row is None:
        return False
    if row.free is not None and stock_level(row.free) != stock_level(row.free - freed):
        bump_version(session)  # a page shows another availability from now on
    return True


def _in_lock_order(order: Reservable) -> list[ReservableLine]:
    """Return the lines sorted by SKU, so that two orders never deadlock."""
    return sorted(order.lines, key=lambda line: line.sku)
