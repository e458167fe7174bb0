"""What the database knows of books: what the trade says, and what lists need of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from bookshop.catalogue.edition import Edition, decode, encode
from bookshop.db import Base

# PostgreSQL sorts by its server's language; sorting keys are folded, and sort as they are.
BYTEWISE = String().with_variant(String(collation="C"), "postgresql")


class EditionType(TypeDecorator[Edition]):
    """An edition, kept as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The JSON; what is JSON already stays as it is."""
        return encode(value) if isinstance(value, Edition) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Edition | None:
        """The edition."""
        return None if value is None else decode(value)


class BookRecord(Base):
    """One format of one work: what the trade says of it, and the copies that the shop has.

    `reference` is the ONIX RecordReference under which it is updated. `source` names the record
    that was imported last, `content` what it came to (`edition.digest`). `cover` is the stored
    picture. `stock` counts the copies that the shop has, None where copies are no object; `held`
    are those of them that somebody who is paying has. A withdrawn book is not shown.
    """

    __tablename__ = "books"
    __table_args__ = (
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        CheckConstraint("held >= 0", name="held_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    isbn: Mapped[str | None] = mapped_column(unique=True)
    reference: Mapped[str | None] = mapped_column(unique=True)
    work: Mapped[str | None] = mapped_column(index=True)
    title: Mapped[str]
    cover: Mapped[str | None]
    stock: Mapped[int | None]
    held: Mapped[int] = mapped_column(default=0)
    withdrawn: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str | None]
    content: Mapped[str]
    added_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    # The last column: SQLite reads the others without it.
    edition: Mapped[Edition] = mapped_column(EditionType)

    listing: Mapped[ListingRecord | None] = relationship(cascade="all, delete-orphan")


class ListingRecord(Base):
    """What lists need of a book: made from its edition, for a day and the shop's terms.

    `format` is of `forms.Format`, `state` of `offer.State`; `amount` is today's price in minor
    units of the shop's currency. `published` is NEVER where nobody knows. On `review_on` the day
    alone makes another row of it.
    """

    __tablename__ = "listings"
    __table_args__ = (
        Index("ix_listings_sort_title_book_id", "sort_title", "book_id"),
        Index("ix_listings_published_book_id", "published", "book_id"),
        Index("ix_listings_amount_book_id", "amount", "book_id"),
    )

    book_id: Mapped[int] = mapped_column(
        ForeignKey("books.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sku: Mapped[str]
    title: Mapped[str]
    subtitle: Mapped[str | None]
    byline: Mapped[str]
    form: Mapped[str]
    format: Mapped[str]
    language: Mapped[str]
    cover: Mapped[str | None]
    sort_title: Mapped[str] = mapped_column(BYTEWISE)
    published: Mapped[date]
    state: Mapped[str]
    amount: Mapped[int | None]
    review_on: Mapped[date | None] = mapped_column(index=True)


class ListingSubject(Base):
    """That a book is about a Thema subject; only what is listed has such rows."""

    __tablename__ = "listing_subjects"

    code: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)
    book_id: Mapped[int] = mapped_column(
        ForeignKey("books.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class CatalogueState(Base):
    """One row: how often the catalogue has changed, and on what terms its listings were made.

    `counted` is the version at which a large catalogue was counted last.
    """

    __tablename__ = "catalogue_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]
    basis: Mapped[str | None]
    counted: Mapped[int | None]


#: The day of publication where nobody knows it: sorts before all others.
NEVER = date(1, 1, 1)
