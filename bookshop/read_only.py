"""Read-only mode: customers can browse but not buy, for example during a migration.

A row in the database turns it on for all machines that share it. The file `read-only` in
`bookshop.var` turns it on for one machine.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from sqlalchemy import CheckConstraint, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from bookshop.db import Base, writing

LOG = logging.getLogger(__name__)


class ShopState(Base):
    """The state of the shop, in one row.

    `usable_from` is the oldest schema revision whose version of the shop can use this schema.
    `read_only_since` is None while customers can buy.
    """

    __tablename__ = "shop_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    usable_from: Mapped[str]
    read_only_since: Mapped[datetime | None]


class ReadOnlyMode:
    """Reads and sets the mode of all processes that share the database, or of one machine."""

    def __init__(self, engine: Engine, flag: Path) -> None:
        self._engine = engine
        self.flag = flag

    def is_on(self) -> bool:
        """Return True if nothing may be written now; False if the database is unavailable."""
        if self.flag.exists():
            return True
        try:
            with self._engine.connect() as connection:
                return connection.scalar(select(ShopState.read_only_since)) is not None
        except SQLAlchemyError as err:
            # The code that writes next fails, and reports it to the customer.
            LOG.warning("read_only_mode_unknown", extra={"error": type(err).__name__})
            return False

    def begin(self, now: datetime) -> None:
        """Turn read-only mode on. Requests that are being processed still write."""
        self._set(now)

    def end(self) -> None:
        """Turn it off, except on machines with the file."""
        self._set(None)

    def _set(self, since: datetime | None) -> None:
        with writing(self._engine).begin() as connection:
            connection.execute(update(ShopState).values(read_only_since=since))
