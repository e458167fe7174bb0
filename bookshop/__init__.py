"""Bookshop: a web shop for books. This module is where it is put together."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator

from bookshop import settings
from bookshop.ops.startup import NotReadyError, prepare

# In this order: what stands above may be used below.
FEATURES = (
    "bookshop.web.resources",
    "bookshop.db",
    "bookshop.read_only",
    "bookshop.web.headers",
    "bookshop.web.security",
    "bookshop.rate_limits",
    "bookshop.web.http_cache",
    "bookshop.web.static_files",
    "bookshop.web.rendering",
    "bookshop.web.request_log",
    "bookshop.web.maintenance",
    "bookshop.catalogue",
    "bookshop.web.page_cache",
    "bookshop.payments",
    "bookshop.orders",
    "bookshop.webhooks",
    "bookshop.ops",
)
SCANNED = (
    "bookshop.web",
    "bookshop.catalogue",
    "bookshop.checkout",
    "bookshop.orders",
    "bookshop.webhooks",
    "bookshop.ops",
)
# What commands and imports need: a scan for views would load it into every server.
NOT_SCANNED = (
    "bookshop.catalogue.covers.local_files",
    "bookshop.catalogue.covers.images",
    "bookshop.catalogue.importing",
    "bookshop.catalogue.seed",
    "bookshop.ops.backup",
    "bookshop.ops.check",
    "bookshop.ops.privacy",
)


def configure(ini: Mapping[str, str]) -> Configurator:
    """The shop put together from an INI's section, its database not touched yet.

    Raises settings.SettingsError.
    """
    try:
        # `pyramid.includes` may add settings of its own, before they are read.
        config = Configurator(settings=settings.expand(ini))
    except ModuleNotFoundError as err:
        problem = settings.Problem(
            "pyramid.includes", f"there is no package {err.name}", "pyramid.includes ="
        )
        raise settings.SettingsError([problem]) from err
    config.registry.bookshop = settings.read(config.registry.settings)
    for feature in FEATURES:
        config.include(feature)
    for package in SCANNED:
        config.scan(package, ignore=NOT_SCANNED)
    config.commit()
    return config


def main(global_config: Mapping[str, str] | None, **ini: str) -> Any:
    """The WSGI application of an INI's section, for `pserve`.

    Wrong settings and an unready database end the program with exit code 2, and no traceback.
    """
    try:
        config = configure(ini)
        prepare(config.registry, (global_config or {}).get("__file__", "production.ini"))
    except (settings.SettingsError, NotReadyError) as err:
        sys.stderr.write(f"{err}\n")
        raise SystemExit(2) from None
    return config.make_wsgi_app()
