"""Books: what they are, whether they can be bought, and the pages that show them."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.catalogue.resources import Catalogue
from bookshop.catalogue.shelf import Shelf


def includeme(config: Configurator) -> None:
    """Hang `/books` on the tree and give requests their `shelf`."""
    registry = config.registry
    registry.shelf = Shelf(registry.engine, registry.bookshop.shop.currency)
    config.add_request_method(lambda request: request.registry.shelf, "shelf", property=True)
    config.add_branch("books", Catalogue)
    config.add_static_view("covers", "bookshop.catalogue:demo/covers", cache_max_age=3600)
