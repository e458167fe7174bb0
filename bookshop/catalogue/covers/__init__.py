"""Pictures of covers: kept in the sizes that pages use, and served for ever."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.catalogue.covers.resources import Covers
from bookshop.catalogue.covers.store import CoverStore


def includeme(config: Configurator) -> None:
    """Hang `/covers` on the tree, and give the registry its `covers`."""
    config.registry.covers = CoverStore(config.registry.bookshop.shop.var / "covers")
    config.add_branch("covers", Covers)
