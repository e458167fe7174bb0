"""Shows what is known about a book: the trade's record, the shop's decisions, today's offer."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Connection

from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext, bans_on, offer_on
from bookshop.catalogue.terms.decisions import UNDECIDED, decided
from bookshop.catalogue.terms.models import DecisionsRecord, EarlierDecisions

_BOOK = select(
    BookRecord.id,
    BookRecord.sku,
    BookRecord.stock,
    BookRecord.reserved,
    BookRecord.withdrawn,
    BookRecord.edition,
    DecisionsRecord.decisions,
).outerjoin(DecisionsRecord, DecisionsRecord.book_id == BookRecord.id)

_EARLIER = select(
    EarlierDecisions.decided_at, EarlierDecisions.cause, EarlierDecisions.decisions
).order_by(EarlierDecisions.id)
_PRESENT = select(DecisionsRecord.decided_at, DecisionsRecord.cause, DecisionsRecord.decisions)


def book_details(
    connection: Connection, sku: str, sales_context: SalesContext, day: date
) -> dict[str, Any] | None:
    """Return a book for JSON; None if there is none with that SKU.

    Amounts are in minor units. `restrictions` are the reasons why it is not for sale on `day`.
    """
    row = connection.execute(_BOOK.where(BookRecord.sku == sku)).one_or_none()
    if row is None:
        return None
    edition, decisions = row.edition, row.decisions or UNDECIDED
    sold = decided(edition, decisions)
    offer = offer_on(sold, sales_context, day)
    details: dict[str, Any] = {
        "sku": row.sku,
        "title": edition.title,
        "withdrawn": row.withdrawn,
        "stock": row.stock,
        "reserved": row.reserved,
        "state": offer.state.value,
        "currency": sales_context.currency,
        "price": offer.price and offer.price.amount,
        "restrictions": bans_on(sold, sales_context, day),
        "trade": {
            "availability": edition.availability,
            "prices": edition.prices,
            "offers": edition.offers,
            "restrictions": edition.restrictions,
        },
        "decisions": _fields(decisions),
        "history": _history(connection, row.id),
    }
    builtins: dict[str, Any] = msgspec.to_builtins(details)
    return builtins


def _history(connection: Connection, book_id: int) -> list[dict[str, Any]]:
    """Return the shop's decisions from the earliest to the present ones, with their causes."""
    earlier = connection.execute(_EARLIER.where(EarlierDecisions.book_id == book_id))
    present = connection.execute(_PRESENT.where(DecisionsRecord.book_id == book_id))
    return [
        {"at": row.decided_at, "cause": row.cause, "decisions": _fields(row.decisions)}
        for row in (*earlier, *present)
    ]


def _fields(decisions: Any) -> dict[str, Any]:
    """Return decisions with their default values, which the JSON of the database leaves out."""
    return msgspec.structs.asdict(decisions)
