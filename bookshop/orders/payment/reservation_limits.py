"""How many copies one network may keep reserved without paying.

A session is free to get, so that networks are counted. An order holds the keyed hash of its network
for as long as it is counted, and no address.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.terms.availability import LOW_STOCK
from bookshop.db import lock_name
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.orders.models import Order, OrderLine
from bookshop.orders.states import CLOSED
from bookshop.rate_limits.limiter import RateLimitExceededError, check_times

ACTION = "reservations"
#: Unpaid reservations of a book with few copies left, in LAPSED_PERIOD by one session or network.
MAX_LAPSED = 3
LAPSED_PERIOD = timedelta(hours=24)
NETWORK_KNOWN_FOR = timedelta(hours=26)  # from placing; unpaid orders expire earlier


def check_reservations(session: Session, order: Order, limit: int, now: datetime) -> None:
    """Check the limits before the copies of a locked order are reserved for the first time.

    `limit` is the number of orders of one network whose copies may be reserved at the same time.
    Raises RateLimitExceededError.
    """
    if order.stock_reserved or order.network is None:
        return
    lock_name(session, f"{ACTION}/{order.network}")
    reserved = select(func.count()).where(Order.network == order.network, Order.stock_reserved)
    if session.scalars(reserved).one() >= limit:
        raise RateLimitExceededError(ACTION, int(RESERVATION_TIME.total_seconds()))
    check_times(ACTION, _lapsed(session, order, now), MAX_LAPSED, LAPSED_PERIOD, now)


def forget_networks(session: Session, now: datetime) -> None:
    """Delete the hashes of networks that are not counted any more."""
    old = (Order.network.is_not(None), Order.placed_at < now - NETWORK_KNOWN_FOR)
    session.execute(update(Order).where(*old).values(network=None))


def _lapsed(session: Session, order: Order, now: datetime) -> list[datetime]:
    """Return when the client's unpaid orders for the same scarce book were placed, oldest first.

    Only those of LAPSED_PERIOD count.
    """
    skus = [line.sku for line in order.lines]
    is_scarce = BookRecord.stock - BookRecord.reserved <= LOW_STOCK  # not for unlimited stock
    same_client = or_(Order.session_id == order.session_id, Order.network == order.network)
    query = (
        select(Order.placed_at)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(BookRecord, BookRecord.sku == OrderLine.sku)
        .where(OrderLine.sku.in_(skus), is_scarce, same_client)
        .where(Order.placed_at.between(now - LAPSED_PERIOD, now), Order.status.in_(CLOSED))
        .where(Order.reservation_ends_at.is_not(None))
        .order_by(Order.placed_at)
    )
    return list(session.scalars(query))
