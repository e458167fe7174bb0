"""Read-only mode: the catalogue is served, and nothing is written. It ends where it began.

It is on while the database says so, for all machines that share it, or while the file
`read-only` is in `bookshop.var`, for this one.
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
    """The one row about the shop as a whole.

    `usable_from` is the oldest revision whose version of the shop can work with the schema as it
    is. `read_only_since` is None while customers may buy.
    """

    __tablename__ = "shop_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    usable_from: Mapped[str]
    read_only_since: Mapped[datetime | None]


class ReadOnlyMode:
    """The mode, as everybody sees it who shares the database."""

    def __init__(self, engine: Engine, flag: Path) -> None:
        self._engine = engine
        self.flag = flag

    def is_on(self) -> bool:
        """Whether nothing may be written now. A database that does not answer says nothing."""
        if self.flag.exists():
            return True
        try:
            with self._engine.connect() as connection:
                return connection.scalar(select(ShopState.read_only_since)) is not None
        except SQLAlchemyError as err:
            # Whoever writes next says so to the customer, in better words.
            LOG.warning("whether the shop is read only is unknown: %s", type(err).__name__)
            return False

    def begin(self, now: datetime) -> None:
        """Have nothing written from now on; what is under way is finished."""
        self._set(now)

    def end(self) -> None:
        """Let customers buy again, unless the file is there."""
        self._set(None)

    def _set(self, since: datetime | None) -> None:
        with writing(self._engine).begin() as connection:
            connection.execute(update(ShopState).values(read_only_since=since))
