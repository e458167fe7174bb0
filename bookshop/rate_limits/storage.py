"""Where rate limits are counted: in the shop's database, or in the memory of one process.

Both extend storages of the `limits` library.

https://limits.readthedocs.io/en/stable/custom-storage.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from limits.storage import MemoryStorage, Storage
from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock
from bookshop.db import has_passed, insert_into, writing
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
        return self.incr_all({key: expiry}, amount)[key]

    def incr_all(self, expiries: Mapping[str, int], amount: int = 1) -> dict[str, int]:
        """Add `amount` to the window of each key, as `incr` does. Return the totals."""
        now = clock.now()
        rows = [
            {"key": key, "count": amount, "ends_at": now + timedelta(seconds=expiry)}
            # In one order, so that two requests do not wait for each other's rows.
            for key, expiry in sorted(expiries.items())
        ]
        with self._engine.begin() as connection:
            insert = insert_into(connection, RateCount).values(rows)
            ended = _has_ended(expiries, now)
            upsert = insert.on_conflict_do_update(
                index_elements=[RateCount.key],
                set_={
                    "count": case((ended, amount), else_=RateCount.count + amount),
                    "ends_at": case((ended, insert.excluded.ends_at), else_=RateCount.ends_at),
                },
            )
            counted = connection.execute(upsert.returning(RateCount.key, RateCount.count))
            return dict(iter(counted))

    def get(self, key: str) -> int:
        """Return the count of the current window; 0 if there is none."""
        current = select(RateCount.count).where(
            RateCount.key == key, RateCount.ends_at > clock.now()
        )
        with self._engine.connect() as connection:
            return connection.scalar(current) or 0

    def get_all(self, expiries: Mapping[str, int]) -> dict[str, int]:
        """Return the count of each key's current window of `expiry` seconds; 0 if there is none."""
        current = select(RateCount.key, RateCount.count).where(
            RateCount.key.in_(expiries), ~_has_ended(expiries, clock.now())
        )
        with self._engine.connect() as connection:
            counted = connection.execute(current)
            return dict.fromkeys(expiries, 0) | dict(iter(counted))

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


def _has_ended(expiries: Mapping[str, int], now: datetime) -> ColumnElement[bool]:
    """Return the condition that the window of its key, of `expiry` seconds, has ended."""
    return or_(
        *(
            and_(RateCount.key == key, has_passed(RateCount.ends_at, now, timedelta(0, expiry)))
            for key, expiry in expiries.items()
        )
    )


class BatchMemoryStorage(MemoryStorage):
    """The library's storage in memory, which the threads of a process share, for several keys."""

    def incr_all(self, expiries: Mapping[str, int], amount: int = 1) -> dict[str, int]:
        """Add `amount` to the window of each key. Return the totals."""
        return {key: self.incr(key, expiry, amount) for key, expiry in expiries.items()}

    def get_all(self, expiries: Mapping[str, int]) -> dict[str, int]:
        """Return the count of each key's current window; 0 where there is none."""
        return {key: self.get(key) for key in expiries}
