"""Tables of the catalogue: books, the listings derived from them, and the catalogue's state."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from bookshop.catalogue.edition import Edition, decode, encode
from bookshop.db import Base

# PostgreSQL sorts by its server's locale by default; our sort keys are normalised and sort by byte.
BYTEWISE = String().with_variant(String(collation="C"), "postgresql")


class EditionType(TypeDecorator[Edition]):
    """A column type: an edition stored as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the edition as JSON; a value that is JSON already is unchanged."""
        return encode(value) if isinstance(value, Edition) else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> Edition | None:
        """Return the decoded edition."""
        return None if value is None else decode(value)


class BookRecord(Base):
    """One format of one work: its edition and the shop's stock.

    `reference` is the ONIX RecordReference by which updates find the book. `source` identifies the
    record of the last import, `content` is the `edition.digest` of its edition. `cover` is the
    name of the stored image. `stock` is the number of copies, None where stock is unlimited;
    `reserved` of them are reserved for unpaid orders. A withdrawn book is not shown.
    """

    __tablename__ = "books"
    __table_args__ = (
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        CheckConstraint("reserved >= 0", name="reserved_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    isbn: Mapped[str | None] = mapped_column(unique=True)
    reference: Mapped[str | None] = mapped_column(unique=True)
    work: Mapped[str | None] = mapped_column(index=True)
    title: Mapped[str]
    cover: Mapped[str | None]
    stock: Mapped[int | None]
    reserved: Mapped[int] = mapped_column(default=0)
    withdrawn: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str | None]
    content: Mapped[str]
    added_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    # The last column: SQLite reads the others without it.
    edition: Mapped[Edition] = mapped_column(EditionType)

    listing: Mapped[ListingRecord | None] = relationship(cascade="all, delete-orphan")


class ListingRecord(Base):
    """The columns that lists need: derived from an edition for a day and a sales context.

    `form` is a `forms.form_key`, `format` a `forms.Format`, `state` a `SaleState`. `amount` is
    today's price in minor units of the shop's currency. `work` is the same for all formats of a
    work, None if no other format is known. `published` is UNKNOWN_DATE if the
    edition has no date. The offer changes on `review_on`: from then on the row is out of date.
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
    work: Mapped[str | None] = mapped_column(index=True)
    review_on: Mapped[date | None] = mapped_column(index=True)


class ListingSubject(Base):
    """A Thema subject, or ancestor of one, of a listed book."""

    __tablename__ = "listing_subjects"

    code: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)
    book_id: Mapped[int] = mapped_column(
        ForeignKey("books.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class CatalogueState(Base):
    """One row with the state of the whole catalogue.

    `version` grows with each change, by a random step (see version). `built_for` is the
    `listings.build_key` of the listings. `facets_version` is the version for which facet counts of
    a large catalogue were stored.
    """

    __tablename__ = "catalogue_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    built_for: Mapped[str | None]
    facets_version: Mapped[int | None] = mapped_column(BigInteger)


#: Replaces an unknown publication date; sorts before all others.
UNKNOWN_DATE = date(1, 1, 1)
