"""Books: what they are, whether they can be bought, and the pages that show them."""

from __future__ import annotations

from pathlib import Path

from babel import Locale
from pyramid.config import Configurator

from bookshop.catalogue.pages.resources import Catalogue
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.catalogue.search.service import SearchService
from bookshop.catalogue.seo.sitemap import Sitemaps
from bookshop.catalogue.version import CatalogueVersion
from bookshop.settings import ShopSettings
from bookshop.web.static_files import Assets


def terms_of(shop: ShopSettings) -> SalesContext:
    """On which terms a shop sells; its locale says in which country."""
    return SalesContext(shop.currency, Locale.parse(shop.locale).territory)


def includeme(config: Configurator) -> None:
    """Hang `/books` and `/sitemaps` on the tree and give requests their `shelf` and `finder`."""
    registry = config.registry
    registry.terms = terms_of(registry.bookshop.shop)
    registry.catalogue_version = CatalogueVersion(registry.engine)
    registry.shelf = CatalogueQueries(registry.engine, registry.terms)
    config.add_request_method(lambda request: request.registry.shelf, "shelf", property=True)
    registry.finder = SearchService(registry.engine, registry.terms)
    config.add_request_method(lambda request: request.registry.finder, "finder", property=True)
    config.include("bookshop.catalogue.covers")
    config.add_branch("books", Catalogue)
    config.add_branch("sitemaps", Sitemaps)
    pictures = Assets("/covers/", [Path(__file__).parent / "demo" / "covers"])
    config.add_early(pictures.answer)
