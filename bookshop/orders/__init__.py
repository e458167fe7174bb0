"""Orders: what somebody wants, what they pay, and which copies are kept for them meanwhile."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.events import ApplicationCreated

from bookshop.orders.sweeper import Sweeper


def includeme(config: Configurator) -> None:
    """Sweep up lapsed holds for as long as the application lives."""
    registry = config.registry
    registry.sweeper = Sweeper(registry.sessions)
    config.add_subscriber(lambda _event: registry.sweeper.start(), ApplicationCreated)
