"""Tables of the shop's own decisions about books, present and earlier ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from bookshop.catalogue.terms.decisions import ShopDecisions, decode, encode
from bookshop.db import Base


class DecisionsType(TypeDecorator[ShopDecisions]):
    """A column type: decisions stored as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the decisions as JSON."""
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> ShopDecisions | None:
        """Return the decoded decisions."""
        return None if value is None else decode(value)


class DecisionsRecord(Base):
    """What the shop has decided about a book; a book without any decision yet has no row.

    `cause` is the name of the file that was imported.
    """

    __tablename__ = "shop_decisions"

    book_id: Mapped[int] = mapped_column(
        ForeignKey("books.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    decisions: Mapped[ShopDecisions] = mapped_column(DecisionsType)
    decided_at: Mapped[datetime]
    cause: Mapped[str]


class EarlierDecisions(Base):
    """Decisions that later ones have replaced."""

    __tablename__ = "earlier_shop_decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("books.id", ondelete="CASCADE"), index=True)
    decisions: Mapped[ShopDecisions] = mapped_column(DecisionsType)
    decided_at: Mapped[datetime]
    cause: Mapped[str]
