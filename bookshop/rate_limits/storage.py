"""Counters in the database, for the `limits` library: all processes count together.

https://limits.readthedocs.io/en/stable/custom-storage.html
"""

from __future__ import annotations

from datetime import timedelta

from limits.storage import Storage
from sqlalchemy import case, delete, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock
from bookshop.db import insert_into, writing
from bookshop.rate_limits.models import RateCount


class DatabaseStorage(Storage):
    """Fixed windows, each from the first time that a key is counted.

    Every count is one statement in a transaction of its own: none may be open meanwhile.
    """

    STORAGE_SCHEME = None

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = writing(engine)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What goes wrong in a database."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more in the window, or begin one of `expiry` seconds; all of it so far."""
        now = clock.now()
        over = RateCount.ends_at <= now
        with self._engine.begin() as connection:
            insert = insert_into(connection, RateCount).values(
                key=key, count=amount, ends_at=now + timedelta(seconds=expiry)
            )
            counted = insert.on_conflict_do_update(
                index_elements=[RateCount.key],
                set_={
                    "count": case((over, amount), else_=RateCount.count + amount),
                    "ends_at": case((over, insert.excluded.ends_at), else_=RateCount.ends_at),
                },
            )
            total: int = connection.execute(counted.returning(RateCount.count)).scalar_one()
        return total

    def get(self, key: str) -> int:
        """How often it was counted in the window; 0 where there is none."""
        with self._engine.connect() as connection:
            wanted = select(RateCount.count).where(
                RateCount.key == key, RateCount.ends_at > clock.now()
            )
            return connection.scalar(wanted) or 0

    def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970; now where there is none."""
        now = clock.now()
        with self._engine.connect() as connection:
            ends_at = connection.scalar(select(RateCount.ends_at).where(RateCount.key == key))
        return max(ends_at or now, now).timestamp()

    def check(self) -> bool:
        """Whether the database answers."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(RateCount)) is not None

    def reset(self) -> int:
        """Forget everything; how many keys those were."""
        with self._engine.begin() as connection:
            return connection.execute(delete(RateCount)).rowcount

    def clear(self, key: str) -> None:
        """Forget one key."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateCount).where(RateCount.key == key))

    def delete_expired(self) -> None:
        """Delete the counts of windows that have ended."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateCount).where(RateCount.ends_at <= clock.now()))
