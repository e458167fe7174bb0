"""One order, by the number that somebody has typed, for as long as it is worked on."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.models import Order
from bookshop.orders.number import read_number


class NoSuchOrderError(Exception):
    """There is no order of that number; the text says so."""


def locked(session: Session, number: str) -> Order:
    """The order, which nobody else changes before the transaction ends. Raises NoSuchOrderError."""
    wanted = select(Order).where(Order.number == (read_number(number) or number))
    order = session.scalar(wanted.with_for_update())
    if order is None:
        raise NoSuchOrderError(f"There is no order {number}.")
    return order
