"""The counters of rate limits in the database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bookshop.db import Base


class RateCount(Base):
    """The requests counted under a key in a window that ends at `ends_at`.

    `key` contains a hash of the visitor or network, and no personal data.
    """

    __tablename__ = "rate_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)
