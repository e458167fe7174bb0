"""The catalogue: books, prices and availability, imports, search, and the pages that show them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from pyramid.config import Configurator

from bookshop.catalogue.jobs import run_catalogue_jobs
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.resources import Catalogue
from bookshop.catalogue.seo.sitemap import Sitemaps
from bookshop.services import services
from bookshop.settings import ShopSettings
from bookshop.web.static_files import StaticFiles

JOB_INTERVAL = 30  # seconds
DEMO_COVERS = Path(__file__).parent / "demo" / "covers"


def sales_context_of(shop: ShopSettings) -> SalesContext:
    """Return where a shop sells, and in which currency and time zone."""
    return SalesContext(shop.currency, shop.country, shop.timezone)


def includeme(config: Configurator) -> None:
    """Add `/books`, `/covers` and `/sitemaps` to the resource tree, and register the job."""
    config.include("bookshop.catalogue.covers")
    config.add_branch("books", Catalogue)
    config.add_branch("sitemaps", Sitemaps)
    config.add_early_responder(StaticFiles("/covers/", [DEMO_COVERS]).answer)
    shop = services(config)
    run = partial(run_catalogue_jobs, shop.engine, shop.sales_context)
    config.add_job("catalogue", JOB_INTERVAL, run)
