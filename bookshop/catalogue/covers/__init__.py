"""Cover images: stored in the sizes that pages use, and served as immutable files."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.catalogue.covers.resources import Covers


def includeme(config: Configurator) -> None:
    """Add `/covers` to the resource tree."""
    config.add_branch("covers", Covers)
