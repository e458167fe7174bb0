"""How often one visitor may try: whoever tests stolen cards tries many, one after the other.

https://docs.stripe.com/disputes/prevention/card-testing
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookshop.orders.models import Order, OrderEntry

WINDOW = timedelta(hours=1)
MOST_ORDERS = 50
MOST_PRESSES = 30
PRESSED = "pay_pressed"  # what an order's history calls it


class TooOftenError(Exception):
    """The visitor has tried too often, and may try again in an hour."""


def check_orders(session: Session, visitor: str, now: datetime) -> None:
    """Raise TooOftenError where the visitor has placed as many orders as may be within WINDOW."""
    placed = select(func.count()).where(Order.visitor == visitor, Order.placed_at > now - WINDOW)
    if (session.scalar(placed) or 0) >= MOST_ORDERS:
        raise TooOftenError


def check_presses(session: Session, visitor: str, now: datetime) -> None:
    """Raise TooOftenError where the visitor has pressed Pay as often as may be within WINDOW."""
    pressed = (
        select(func.count())
        .select_from(OrderEntry)
        .join(Order, Order.id == OrderEntry.order_id)
        .where(Order.visitor == visitor, OrderEntry.what == PRESSED, OrderEntry.at > now - WINDOW)
    )
    if (session.scalar(pressed) or 0) >= MOST_PRESSES:
        raise TooOftenError
