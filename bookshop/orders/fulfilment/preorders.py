"""Books that were sold before they are out."""

from __future__ import annotations

from datetime import date

from bookshop.catalogue.queries import Detail
from bookshop.orders.snapshot import LineSnapshot, OrderSnapshot
from bookshop.orders.states import UNPAID, OrderStatus

#: Orders of which something may still be sent.
OPEN_STATUSES = UNPAID | {
    OrderStatus.PROCESSING,
    OrderStatus.PAID,
    OrderStatus.PARTLY_SHIPPED,
    OrderStatus.PARTLY_REFUNDED,
    OrderStatus.DISPUTE_WON,
}


def expected_release(order: OrderSnapshot, line: LineSnapshot, book: Detail | None) -> date | None:
    """The day on which the book of a line that is still to be sent comes out; None once it is out.

    That is what the catalogue says today, as publishers put days off.
    """
    to_send = order.status in OPEN_STATUSES and not order.short and line.shipped < line.quantity
    return book.offer.release_date if book and to_send else None
