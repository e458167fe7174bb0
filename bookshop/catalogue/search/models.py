"""Tables of search; the full-text index differs between databases and is in `full_text`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Mapped, mapped_column

from bookshop.catalogue.models import BYTEWISE
from bookshop.db import Base


class SearchWord(Base):
    """A word of a title, series or name, used to correct spelling. Rows are never deleted.

    `start` is its first two letters, `tail` its `spelling` skeleton.
    """

    __tablename__ = "search_words"

    word: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)
    start: Mapped[str] = mapped_column(BYTEWISE, index=True)
    tail: Mapped[str] = mapped_column(BYTEWISE, index=True)


class FacetCount(Base):
    """The number of works of a large catalogue whose editions are alike: see `facet_counts`.

    `subject` is a Thema code of one or two letters, or empty for works of any subject. `editions`
    is what `facet_counts.split_editions` reads.
    """

    __tablename__ = "facet_counts"

    subject: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)
    editions: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)
    works: Mapped[int]


def starts_with(column: Any, prefix: str) -> ColumnElement[bool]:
    """Return the condition that a bytewise column starts with `prefix`; it can use an index."""
    condition: ColumnElement[bool] = and_(column >= prefix, column < prefix + "\U0010ffff")
    return condition
