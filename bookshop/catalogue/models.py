"""What the database knows of a book."""

from __future__ import annotations

from datetime import date

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from bookshop.db import Base


class BookRecord(Base):
    """One format of one work, as it is sold.

    `form` is an ONIX ProductForm (list 150), for digital ones with its detail (list 175) behind
    a dot; `availability` an ONIX ProductAvailability (list 65). `stock` counts the copies that
    the shop has, None where copies are no object; `held` are those of them that somebody who is
    paying has.
    """

    __tablename__ = "books"
    __table_args__ = (
        CheckConstraint("stock >= 0", name="stock_not_negative"),
        CheckConstraint("held >= 0", name="held_not_negative"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(unique=True)
    isbn: Mapped[str | None] = mapped_column(unique=True)
    work: Mapped[str | None] = mapped_column(index=True)
    title: Mapped[str]
    subtitle: Mapped[str | None]
    form: Mapped[str]
    language: Mapped[str]
    publisher: Mapped[str]
    published: Mapped[date | None]
    pages: Mapped[int | None]
    minutes: Mapped[int | None]
    subjects: Mapped[list[str]] = mapped_column(JSON)
    description: Mapped[list[str]] = mapped_column(JSON)
    availability: Mapped[str]
    stock: Mapped[int | None]
    held: Mapped[int] = mapped_column(default=0)
    cover: Mapped[str]

    contributors: Mapped[list[ContributorRecord]] = relationship(
        order_by="ContributorRecord.position", cascade="all, delete-orphan"
    )
    prices: Mapped[list[PriceRecord]] = relationship(cascade="all, delete-orphan")


class ContributorRecord(Base):
    """Who made a book, in order. `role` is an ONIX ContributorRole (list 17), A01 the author."""

    __tablename__ = "contributors"

    book_id: Mapped[int] = mapped_column(
        ForeignKey("books.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    role: Mapped[str]
    name: Mapped[str]


class PriceRecord(Base):
    """What a book costs in a currency, in its minor units, tax included."""

    __tablename__ = "prices"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        Index("ix_prices_currency_book_id", "currency", "book_id"),
    )

    book_id: Mapped[int] = mapped_column(
        ForeignKey("books.id", ondelete="CASCADE"), primary_key=True
    )
    currency: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[int]
