"""How often one visitor, or one network, may do what costs the shop something."""

from __future__ import annotations

from limits.storage import MemoryStorage
from pyramid.config import Configurator

from bookshop.rate_limits.limiter import Limiter
from bookshop.rate_limits.storage import DatabaseStorage


def includeme(config: Configurator) -> None:
    """Give the registry its `limiter`."""
    registry = config.registry
    settings = registry.bookshop
    shared = settings.limits.storage == "database"
    storage = DatabaseStorage(registry.engine) if shared else MemoryStorage()
    registry.limiter = Limiter(storage, settings.limits, settings.shop.secret)
