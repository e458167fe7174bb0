"""How often something was done: a row for each who did it, until its time is over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from bookshop.db import Base


class RateCount(Base):
    """`count` times since the window began that ends at `ends_at`. `key` names nobody."""

    __tablename__ = "rate_counts"

    key: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)
