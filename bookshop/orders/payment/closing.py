"""Closing of several unpaid orders in one transaction, without deadlocks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from bookshop.catalogue.models import BookRecord
from bookshop.orders.audit import TransitionContext
from bookshop.orders.models import Order
from bookshop.orders.states import OrderStatus
from bookshop.orders.transitions import transition


def close_orders(
    context: TransitionContext,
    condition: ColumnElement[bool],
    target: OrderStatus,
    limit: int | None = None,
) -> Sequence[Order]:
    """Move at most `limit` orders that meet the condition to `target`, and return them.

    Orders that another transaction has locked are left for the next run.
    """
    session = context.session
    query = (
        select(Order)
        .where(condition)
        .order_by(Order.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    orders = session.scalars(query).all()
    if not orders:  # the usual case, which every checkout passes
        return orders
    # Lock all books in one order first, so that two workers never deadlock.
    skus = {line.sku for order in orders for line in order.lines}
    books = select(BookRecord.id).where(BookRecord.sku.in_(skus)).order_by(BookRecord.sku)
    session.execute(books.with_for_update())
    for order in orders:
        transition(context, order, target)
    session.flush()
    return orders
