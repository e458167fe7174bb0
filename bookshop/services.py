"""The objects that all requests and commands of one shop share, in one typed record.

`bookshop.composition` builds the record once, before any feature is included. This module names
the types for mypy alone and imports none of them, so that every package can import it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyramid.config import Configurator
from pyramid.registry import Registry
from pyramid.request import Request

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session, sessionmaker

    from bookshop.catalogue.covers.store import CoverStore
    from bookshop.catalogue.pricing import SalesContext
    from bookshop.catalogue.queries import CatalogueQueries
    from bookshop.catalogue.search.service import SearchService
    from bookshop.catalogue.version import CatalogueVersion
    from bookshop.ops.timeouts import TimeoutRunner
    from bookshop.payments.gateway import Gateway
    from bookshop.rate_limits.limiter import RateLimiter
    from bookshop.read_only import ReadOnlyMode
    from bookshop.settings import Settings
    from bookshop.web.page_cache import PageCache
    from bookshop.web.request_log import RequestLog
    from bookshop.web.static_files import StaticFiles


@dataclass(frozen=True, slots=True)
class Services:
    """The shared objects of one shop.

    `sessions` writes; reading the catalogue uses `engine`. `readiness` runs the checks of
    `/health/ready`. `reported_api_versions` holds the Stripe API versions of events that were
    logged already.
    """

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    read_only: ReadOnlyMode
    rate_limiter: RateLimiter
    request_log: RequestLog
    static_files: StaticFiles
    sales_context: SalesContext
    catalogue_version: CatalogueVersion
    catalogue: CatalogueQueries
    search: SearchService
    covers: CoverStore
    page_cache: PageCache
    payments: Gateway
    reported_api_versions: set[str]
    metrics: CollectorRegistry
    readiness: TimeoutRunner[dict[str, str]]


def services(source: Request | Configurator | Registry) -> Services:
    """Return the services of the shop that a request, a configurator or a registry belongs to."""
    registry = source if isinstance(source, Registry) else source.registry
    shop: Services = registry.services
    return shop
