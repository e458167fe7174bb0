"""Builds the services of a shop from its settings: each one after those that it depends on."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.catalogue import sales_context_of
from bookshop.catalogue.covers.store import CoverStore
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.catalogue.search.service import SearchService
from bookshop.catalogue.version import CatalogueVersion
from bookshop.db import make_engine, make_sessions
from bookshop.ops.health import make_readiness
from bookshop.ops.metrics import make_metrics
from bookshop.payments.gateway import Gateway
from bookshop.rate_limits import make_rate_limiter
from bookshop.read_only import ReadOnlyMode
from bookshop.services import Services
from bookshop.settings import Settings, read
from bookshop.web.page_cache import PageCache
from bookshop.web.rendering import build_token
from bookshop.web.request_log import RequestLog
from bookshop.web.static_files import make_static_files


def build_services(settings: Settings) -> Services:
    """Return the services of a shop. No database is opened and no thread is started."""
    shop = settings.shop
    engine = make_engine(settings.database)
    static_files = make_static_files(shop)
    sales_context = sales_context_of(shop)
    catalogue_version = CatalogueVersion(engine)
    return Services(
        settings=settings,
        engine=engine,
        sessions=make_sessions(engine),
        read_only=ReadOnlyMode(engine, shop.var / "read-only"),
        rate_limiter=make_rate_limiter(engine, settings),
        request_log=RequestLog(),
        static_files=static_files,
        sales_context=sales_context,
        catalogue_version=catalogue_version,
        catalogue=CatalogueQueries(engine, sales_context),
        search=SearchService(engine, sales_context),
        covers=CoverStore(shop.var / "covers"),
        page_cache=PageCache(catalogue_version, build_token(shop, static_files), shop),
        payments=Gateway(settings.stripe),
        reported_api_versions=set(),
        metrics=make_metrics(engine),
        readiness=make_readiness(engine, shop.var),
    )


def includeme(config: Configurator) -> None:
    """Read the settings and put the services on the registry. Raises SettingsError."""
    config.registry.services = build_services(read(config.registry.settings))
