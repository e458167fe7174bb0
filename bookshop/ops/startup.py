"""What happens before the first request: the database must be there, and be of this version."""

from __future__ import annotations

import logging

from pyramid.registry import Registry

from bookshop import migrations
from bookshop.catalogue import demo

LOG = logging.getLogger(__name__)


class NotReadyError(Exception):
    """The shop cannot start; the text says what to do."""


def prepare(registry: Registry) -> None:
    """Make the shop ready: in development by itself, elsewhere by saying what is missing.

    Raises NotReadyError.
    """
    shop = registry.bookshop.shop
    if shop.environment == "development":
        shop.var.mkdir(parents=True, exist_ok=True)
        migrations.upgrade(registry.engine)
        with registry.sessions.begin() as session:
            if demo.load(session):
                LOG.info("the demo catalogue was loaded")
        return
    if migrations.is_current(registry.engine):
        return
    message = "The database is not of this version of the shop.\n  run: bookshop migrate"
    raise NotReadyError(message)
