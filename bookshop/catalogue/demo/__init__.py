"""The demo catalogue: invented books for a shop that has none yet."""

from __future__ import annotations

import html
import json
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from bookshop.catalogue.edition import Contributor, Edition, Feature, Price, Series, Subject
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.version import bump_version
from bookshop.catalogue.writer import BookUpdate, StockCount, save_books

# ONIX list 58: recommended and fixed retail price, both including tax.
RECOMMENDED = "02"
FIXED = "04"


def load(session: Session, sales_context: SalesContext, now: datetime) -> bool:
    """Add the demo's books if the catalogue is empty; return True if it was."""
    if session.scalar(select(exists().where(BookRecord.id.is_not(None)))):
        return False
    data = json.loads(files(__name__).joinpath("books.json").read_text(encoding="utf-8"))
    updates = [_book_update(book, data["bands"][book["band"]]) for book in data["books"]]
    save_books(session.connection(), updates, sales_context, now)
    bump_version(session)
    return True


def _book_update(book: dict[str, Any], prices: dict[str, int]) -> BookUpdate:
    copied = ("sku", "work", "title", "subtitle", "form", "language", "publisher")
    edition = Edition(
        **{name: book[name] for name in (*copied, "pages", "minutes", "availability")},
        details=tuple(book["details"]),
        isbn=book["sku"] if book["isbn"] else None,
        published=book["published"] and date.fromisoformat(book["published"]),
        contributors=tuple(Contributor(**person) for person in book["contributors"]),
        subjects=tuple(Subject(**subject) for subject in book["subjects"]),
        series=tuple(Series(**series) for series in book.get("series", ())),
        accessibility=tuple(Feature(**feature) for feature in book.get("accessibility", ())),
        description="".join(f"<p>{html.escape(text)}</p>" for text in book["description"]),
        prices=tuple(
            Price(
                currency,
                amount,
                FIXED if currency in book.get("fixed", ()) else RECOMMENDED,
            )
            for currency, amount in prices.items()
        ),
    )
    return BookUpdate(edition, cover=book["cover"], stock=StockCount(book["stock"]))
