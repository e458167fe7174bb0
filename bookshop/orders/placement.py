"""Placing orders: one open order per session and item, however often it is requested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.catalogue.works.listing import Listing
from bookshop.db import insert_into
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext, record_transition
from bookshop.orders.models import INTENT_MISSING, Order, OrderLine
from bookshop.orders.number import new_number
from bookshop.orders.states import UNPAID, Actor, OrderStatus
from bookshop.orders.transitions import release_dedup_key, transition
from bookshop.products import product_class

# Time after paying until the checkout of the same item places another order; until then it shows
# the paid one.
NEW_ORDER_AFTER = timedelta(hours=12)
CHECKOUT = Cause(Actor.CUSTOMER, "checkout")


@dataclass(frozen=True)
class DedupKey:
    """Identifies what a session buys; `again` is the number of an earlier order of the item."""

    session_id: str
    sku: str
    again: str | None

    def __str__(self) -> str:
        return f"{self.session_id}/{self.sku}/{self.again or ''}"


def find_order(session: Session, key: DedupKey, now: datetime) -> Order | None:
    """Return the order with that key, locked; None if there is none or it was paid long ago.

    Times in the future, which a wrong clock stored, are treated as those in the past.
    """
    order = session.scalar(select(Order).where(Order.dedup_key == str(key)).with_for_update())
    if order is not None and order.paid_at and abs(now - order.paid_at) > NEW_ORDER_AFTER:
        order.dedup_key = None
        session.flush()
        return None
    return order


def place_order(
    session: Session, key: DedupKey, listing: Listing, price: Money, now: datetime
) -> Order:
    """Return the order for one copy of a book, placing it unless another request just did."""
    values = {
        "number": new_number(),
        "status": OrderStatus.PLACED,
        "session_id": key.session_id,
        "dedup_key": str(key),
        "currency": price.currency,
        "total": price.amount,
        "placed_at": now,
    }
    inserted = _insert_if_absent(session, values)
    order = session.scalars(
        select(Order).where(Order.dedup_key == str(key)).with_for_update()
    ).one()
    if inserted:
        order.lines = [_line(listing, price)]
        record_transition(
            TransitionContext(session, CHECKOUT, now), order, None, OrderStatus.PLACED
        )
    return order


def _line(listing: Listing, price: Money) -> OrderLine:
    return OrderLine(
        position=1,
        sku=listing.sku,
        title=listing.title,
        byline=listing.byline,
        form=listing.form,
        digital=product_class(listing.form).is_download,
        quantity=1,
        currency=price.currency,
        unit_amount=price.amount,
    )


def reprice_order(order: Order, listing: Listing) -> None:
    """Update the order to the current price of its book, unless a payment may be in progress.

    It is safe before Pay is pressed for the first time. Pressing Pay updates the intent's amount;
    after that the customer may be paying the old total.
    """
    price = listing.price
    is_safe = order.payment_intent is not None and order.email is None
    if price is None or not is_safe or price == order.money:
        return
    order.set_price(price)


def retire_order(session: Session, order: Order, now: datetime) -> None:
    """Close an order whose intent does not exist at Stripe, so that another can replace it."""
    order.intent_status = order.intent_status and INTENT_MISSING
    if order.status in UNPAID:
        transition(TransitionContext(session, CHECKOUT, now), order, OrderStatus.CANCELLED)
    release_dedup_key(order)


def _insert_if_absent(session: Session, values: dict[str, Any]) -> bool:
    result = session.execute(
        insert_into(session, Order)
        .values(values)
        .on_conflict_do_nothing(index_elements=[Order.dedup_key])
        .returning(Order.id)
    )
    return result.one_or_none() is not None
