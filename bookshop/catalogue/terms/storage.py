"""Reads and writes the shop's decisions about books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from bookshop.catalogue.terms.decisions import ShopDecisions
from bookshop.catalogue.terms.models import DecisionsRecord, EarlierDecisions

_DECISIONS: Any = DecisionsRecord.__table__
_EARLIER: Any = EarlierDecisions.__table__
_KEPT = ("book_id", "decisions", "decided_at", "cause")  # columns of both tables


def load_decisions(connection: Connection, book_ids: Sequence[int]) -> dict[int, ShopDecisions]:
    """Return the decisions about these books by id; a book without any is missing."""
    if not book_ids:
        return {}
    query = select(_DECISIONS.c.book_id, _DECISIONS.c.decisions)
    rows = connection.execute(query.where(_DECISIONS.c.book_id.in_(book_ids)))
    return {row.book_id: row.decisions for row in rows}


def save_decisions(
    connection: Connection, decisions: Mapping[int, ShopDecisions], cause: str, now: datetime
) -> None:
    """Write decisions by id of the book, and keep those that they replace.

    All in the caller's transaction.
    """
    if not decisions:
        return
    replaced = _DECISIONS.c.book_id.in_(list(decisions))
    columns = [_DECISIONS.c[name] for name in _KEPT]
    connection.execute(insert(_EARLIER).from_select(_KEPT, select(*columns).where(replaced)))
    connection.execute(delete(_DECISIONS).where(replaced))
    connection.execute(
        insert(_DECISIONS),
        [
            {"book_id": book_id, "decisions": each, "decided_at": now, "cause": cause}
            for book_id, each in decisions.items()
        ],
    )
