"""Placing orders: the same visitor wanting the same thing has one order, however they ask."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.catalogue.queries import Listing
from bookshop.db import insert_into
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext, record_transition
from bookshop.orders.models import Order, OrderLine
from bookshop.orders.number import new_number
from bookshop.orders.payment.intents import MISSING
from bookshop.orders.states import UNPAID, Actor, OrderStatus
from bookshop.orders.transitions import release_dedup_key, transition

# Coming back to a page on which one has paid shows the receipt for this long; after that it
# begins another order.
REMEMBERED = timedelta(hours=12)
CHECKOUT = Cause(Actor.CUSTOMER, "checkout")
DIGITAL = "E"  # the first letter of ONIX's product forms that are delivered electronically


@dataclass(frozen=True)
class DedupKey:
    """What makes an order the same one: who buys what, and after which earlier order of it."""

    visitor: str
    sku: str
    again: str | None

    def __str__(self) -> str:
        return f"{self.visitor}/{self.sku}/{self.again or ''}"


def find_order(session: Session, basis: DedupKey, now: datetime) -> Order | None:
    """The order of that basis, locked; one that was paid long ago is let go."""
    order = session.scalar(select(Order).where(Order.basis == str(basis)).with_for_update())
    if order is not None and order.paid_at is not None and order.paid_at < now - REMEMBERED:
        order.basis = None
        session.flush()
        return None
    return order


def place_order(
    session: Session, basis: DedupKey, listing: Listing, price: Money, now: datetime
) -> Order:
    """The order for one copy of a book, made unless another request has just made it."""
    values = {
        "number": new_number(),
        "status": OrderStatus.PLACED,
        "visitor": basis.visitor,
        "basis": str(basis),
        "currency": price.currency,
        "total": price.amount,
        "placed_at": now,
    }
    made = _insert_unless_there(session, values)
    order = session.scalars(select(Order).where(Order.basis == str(basis)).with_for_update()).one()
    if made:
        order.lines = [_line(listing, price)]
        record_transition(
            TransitionContext(session, CHECKOUT, now), order, None, OrderStatus.PLACED
        )
    return order


def _line(listing: Listing, price: Money) -> OrderLine:
    """One copy of a book as an order's line."""
    return OrderLine(
        position=1,
        sku=listing.sku,
        title=listing.title,
        digital=listing.form.startswith(DIGITAL),
        quantity=1,
        currency=price.currency,
        unit_amount=price.amount,
    )


def reprice_order(order: Order, listing: Listing) -> None:
    """Bring an order to today's price of its book, as long as nobody can be paying it.

    That is while its intent is known, whose amount follows when Pay is pressed, and has not been
    pressed yet: whoever has pressed it may be paying the old total at this moment.
    """
    price = listing.price
    untouched = order.payment_intent is not None and order.email is None
    if price is None or not untouched or price == order.money:
        return
    order.currency, order.total = price.currency, price.amount
    line = order.lines[0]
    line.currency, line.unit_amount = price.currency, price.amount
    order.revision += 1


def retire_order(session: Session, order: Order, now: datetime) -> None:
    """Close an order whose intent was never made, or is not there any more.

    Another takes its place.
    """
    order.intent_status = order.intent_status and MISSING
    if order.status in UNPAID:
        transition(TransitionContext(session, CHECKOUT, now), order, OrderStatus.CANCELLED)
    release_dedup_key(order)


def _insert_unless_there(session: Session, values: dict[str, Any]) -> bool:
    added = session.execute(
        insert_into(session, Order)
        .values(values)
        .on_conflict_do_nothing(index_elements=[Order.basis])
        .returning(Order.id)
    )
    return added.one_or_none() is not None
