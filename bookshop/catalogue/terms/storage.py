"""Reads and writes the shop's decisions about books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Connection

from bookshop.catalogue.terms.decisions import UNDECIDED, ShopDecisions
from bookshop.catalogue.terms.models import DecisionChange, DecisionsRecord

_DECISIONS: Any = DecisionsRecord.__table__
_CHANGES: Any = DecisionChange.__table__


def load_decisions(connection: Connection, book_ids: Sequence[int]) -> dict[int, ShopDecisions]:
    """Return the decisions about these books by id; a book without any is missing."""
    if not book_ids:
        return {}
    query = select(_DECISIONS).where(_DECISIONS.c.book_id.in_(book_ids))
    return {row.book_id: row.decisions for row in connection.execute(query)}


def save_decisions(
    connection: Connection,
    changes: Mapping[int, tuple[ShopDecisions, ShopDecisions]],
    cause: str,
    now: datetime,
) -> None:
    """Write changed decisions and their history, in the caller's transaction.

    `changes` are the decisions before and after by id of the book.
    """
    if not changes:
        return
    connection.execute(delete(_DECISIONS).where(_DECISIONS.c.book_id.in_(list(changes))))
    decisions = [
        {"book_id": book_id, "decisions": after}
        for book_id, (_before, after) in changes.items()
        if after != UNDECIDED
    ]
    if decisions:
        connection.execute(insert(_DECISIONS), decisions)
    connection.execute(
        insert(_CHANGES),
        [
            {
                "book_id": book_id,
                "changed_at": now,
                "cause": cause,
                "before": before,
                "after": after,
            }
            for book_id, (before, after) in changes.items()
        ],
    )
