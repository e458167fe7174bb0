"""The demo catalogue: books of our own invention, for a shop that has none yet."""

from __future__ import annotations

import json
from datetime import date
from importlib.resources import files
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bookshop.catalogue.models import BookRecord, ContributorRecord, PriceRecord


def load(session: Session) -> bool:
    """Put the demo's books on the shelf if it is empty; whether it was."""
    if session.scalar(select(func.count()).select_from(BookRecord)):
        return False
    data = json.loads(files(__name__).joinpath("books.json").read_text(encoding="utf-8"))
    session.add_all(_record(book, data["bands"][book["band"]]) for book in data["books"])
    return True


def _record(book: dict[str, Any], prices: dict[str, int]) -> BookRecord:
    alike = ("sku", "work", "title", "subtitle", "form", "language", "publisher", "pages")
    more = ("minutes", "subjects", "description", "availability", "stock", "cover")
    return BookRecord(
        **{name: book[name] for name in (*alike, *more)},
        isbn=book["sku"] if book["isbn"] else None,
        published=book["published"] and date.fromisoformat(book["published"]),
        contributors=[
            ContributorRecord(position=position, role=person["role"], name=person["name"])
            for position, person in enumerate(book["contributors"], start=1)
        ],
        prices=[
            PriceRecord(currency=currency, amount=amount) for currency, amount in prices.items()
        ],
    )
