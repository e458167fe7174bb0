"""Tables that search needs beside the full-text index, which differs by database: see `engines`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Mapped, mapped_column

from bookshop.catalogue.models import BYTEWISE
from bookshop.db import Base


class SearchWord(Base):
    """A word of a title or a name, by which misspelt ones are mended. None is ever removed.

    `start` is its first two letters, `tail` what `spelling` makes of the others.
    """

    __tablename__ = "search_words"

    word: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)
    start: Mapped[str] = mapped_column(BYTEWISE, index=True)
    tail: Mapped[str] = mapped_column(BYTEWISE, index=True)


class FacetCount(Base):
    """How many books share these properties, of a large catalogue: see `facets`.

    `subject` is a Thema code of one or two letters, or empty for all books whatever they are about.
    """

    __tablename__ = "facet_counts"

    subject: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)
    format: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    availability: Mapped[str] = mapped_column(primary_key=True)
    band: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    books: Mapped[int]


def begins(column: Any, start: str) -> ColumnElement[bool]:
    """Whether a bytewise column begins so, by its index."""
    found: ColumnElement[bool] = and_(column >= start, column < start + "\U0010ffff")
    return found
