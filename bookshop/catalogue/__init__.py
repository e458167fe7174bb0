"""Books: what they are, whether they can be bought, and the pages that show them."""

from __future__ import annotations

from babel import Locale
from pyramid.config import Configurator

from bookshop.catalogue.offer import Terms
from bookshop.catalogue.resources import Catalogue
from bookshop.catalogue.shelf import Shelf
from bookshop.settings import ShopSettings


def terms_of(shop: ShopSettings) -> Terms:
    """On which terms a shop sells; its locale says in which country."""
    return Terms(shop.currency, Locale.parse(shop.locale).territory)


def includeme(config: Configurator) -> None:
    """Hang `/books` on the tree and give requests their `shelf`."""
    registry = config.registry
    registry.terms = terms_of(registry.bookshop.shop)
    registry.shelf = Shelf(registry.engine, registry.terms)
    config.add_request_method(lambda request: request.registry.shelf, "shelf", property=True)
    config.add_branch("books", Catalogue)
    config.add_static_view("covers", "bookshop.catalogue:demo/covers", cache_max_age=3600)
