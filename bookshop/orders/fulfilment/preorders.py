"""Pre-orders: books that are sold before their publication."""

from __future__ import annotations

from datetime import date

from bookshop.catalogue.queries import BookDetail
from bookshop.orders.snapshot import LineSnapshot, OrderSnapshot
from bookshop.orders.states import SHIPPABLE, UNPAID, OrderStatus

#: Statuses of orders with items that may still be shipped.
TO_SHIP = UNPAID | {OrderStatus.PROCESSING} | SHIPPABLE


def expected_release(
    order: OrderSnapshot, line: LineSnapshot, book: BookDetail | None
) -> date | None:
    """Return the publication date of a line that is still to be shipped; None once published.

    The date is the one in the catalogue now, since publishers postpone books.
    """
    to_ship = order.status in TO_SHIP and order.accepted and line.shipped < line.quantity
    return book.offer.release_date if book and to_ship else None
