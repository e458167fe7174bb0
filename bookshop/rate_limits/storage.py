"""Storage of the `limits` library in the shop's database: all processes count together.

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
    """Fixed windows, each beginning when a key is first counted.

    Each count is one statement in a transaction of its own: the caller must not hold one.
    """

    STORAGE_SCHEME = None

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = writing(engine)

    @property
    def base_exceptions(self) -> type[Exception]:
        """The base class of the storage's errors."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add `amount` to the window, or begin one of `expiry` seconds. Return the total."""
        now = clock.now()
        ended = RateCount.ends_at <= now
        with self._engine.begin() as connection:
            insert = insert_into(connection, RateCount).values(
                key=key, count=amount, ends_at=now + timedelta(seconds=expiry)
            )
            upsert = insert.on_conflict_do_update(
                index_elements=[RateCount.key],
                set_={
                    "count": case((ended, amount), else_=RateCount.count + amount),
                    "ends_at": case((ended, insert.excluded.ends_at), else_=RateCount.ends_at),
                },
            )
            total: int = connection.execute(upsert.returning(RateCount.count)).scalar_one()
        return total

    def get(self, key: str) -> int:
        """Return the count of the current window; 0 if there is none."""
        with self._engine.connect() as connection:
            current = select(RateCount.count).where(
                RateCount.key == key, RateCount.ends_at > clock.now()
            )
            return connection.scalar(current) or 0

    def get_expiry(self, key: str) -> float:
        """Return the end of the window in seconds since 1970; the current time if there is none."""
        now = clock.now()
        with self._engine.connect() as connection:
            ends_at = connection.scalar(select(RateCount.ends_at).where(RateCount.key == key))
        return max(ends_at or now, now).timestamp()

    def check(self) -> bool:
        """Return True if the database responds."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(RateCount)) is not None

    def reset(self) -> int:
        """Delete all counts, and return their number."""
        with self._engine.begin() as connection:
            return connection.execute(delete(RateCount)).rowcount

    def clear(self, key: str) -> None:
        """Delete the count of a key."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateCount).where(RateCount.key == key))

    def delete_expired(self) -> None:
        """Delete the counts of windows that have ended."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateCount).where(RateCount.ends_at <= clock.now()))
