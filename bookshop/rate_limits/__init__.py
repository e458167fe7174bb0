"""Rate limits: how often one visitor or one network may do what costs the shop something."""

from __future__ import annotations

from pyramid.config import Configurator
from sqlalchemy.engine import Engine

from bookshop.rate_limits.limiter import RateLimiter
from bookshop.rate_limits.storage import BatchMemoryStorage, DatabaseStorage
from bookshop.services import services
from bookshop.settings import Settings

CLEANUP_INTERVAL = 300  # seconds


def make_rate_limiter(engine: Engine, settings: Settings) -> RateLimiter:
    """Return the limiter that `limits.*` describes."""
    shared = settings.limits.storage == "database"
    storage = DatabaseStorage(engine) if shared else BatchMemoryStorage()
    return RateLimiter(storage, settings.limits, settings.shop.secret)


def includeme(config: Configurator) -> None:
    """Delete expired counts periodically."""
    delete_expired = services(config).rate_limiter.delete_expired
    config.add_job("delete_expired_rate_counts", CLEANUP_INTERVAL, delete_expired)
