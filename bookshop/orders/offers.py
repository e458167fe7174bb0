"""Whether the shop would place the same order today: at the same price, and still for sale.

A reservation fixes the total. Before it, and after its end, the catalogue decides. Stock is not
compared here: a conditional write of `inventory.reservations` decides who gets the last copy.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from bookshop.catalogue.listings import priced_in
from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord
from bookshop.catalogue.terms.availability import SaleState
from bookshop.inventory.reservations import MAX_RESERVATION_TIME
from bookshop.orders.models import Order, OrderLine
from bookshop.orders.states import Rejection

FOR_SALE = (SaleState.BUY.value, SaleState.PREORDER.value)


def has_fixed_total(order: Order, now: datetime) -> bool:
    """Return True if a reservation fixes the total at `now` (UTC), or a pending payment does.

    A reservation that seems to last for too long was stored while the clock was ahead.
    """
    is_pending = order.stock_reserved and order.reserved_until is None
    ends_at = order.reservation_ends_at
    return is_pending or (ends_at is not None and now <= ends_at <= now + 2 * MAX_RESERVATION_TIME)


def find_rejection(session: Session, order: Order) -> Rejection | None:
    """Return why a new order of the same books would be refused or cost another amount."""
    for line in order.lines:
        listing = session.execute(
            select(
                ListingRecord.state,
                ListingRecord.amount,
                priced_in(line.currency).label("same_currency"),
            )
            .join(BookRecord, BookRecord.id == ListingRecord.book_id)
            .where(BookRecord.sku == line.sku)
            .join(CatalogueState, CatalogueState.id == 1)
        ).one_or_none()
        if listing is None or listing.state not in FOR_SALE:
            return Rejection.NOT_FOR_SALE
        if line.unit_amount != listing.amount or not listing.same_currency:
            return Rejection.PRICE_CHANGED
    return None


def is_outdated() -> ColumnElement[bool]:
    """Return a condition: a line is not sold at its price any more, or its last copy is gone."""
    offered = exists().where(
        BookRecord.sku == OrderLine.sku,
        BookRecord.stock.is_(None) | (BookRecord.stock >= OrderLine.quantity),
        ListingRecord.book_id == BookRecord.id,
        ListingRecord.state.in_(FOR_SALE),
        ListingRecord.amount == OrderLine.unit_amount,
        priced_in(OrderLine.currency),
    )
    return exists().where(and_(OrderLine.order_id == Order.id, ~offered))
