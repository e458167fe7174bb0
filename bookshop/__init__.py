"""Bookshop: a web shop for books. This module is the application factory."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator

from bookshop import settings
from bookshop.ops.startup import StartupError, prepare

# In this order: each may use the directives and request methods of those above.
FEATURES = (
    "bookshop.composition",
    "bookshop.web.resources",
    "bookshop.db",
    "bookshop.jobs",
    "bookshop.web.headers",
    "bookshop.web.security",
    "bookshop.rate_limits",
    "bookshop.web.http_cache",
    "bookshop.web.static_files",
    "bookshop.web.rendering",
    "bookshop.web.request_log",
    "bookshop.web.view_policies",
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
# Commands and imports need these; scanning them would load them into every server.
NOT_SCANNED = (
    "bookshop.catalogue.covers.local_files",
    "bookshop.catalogue.covers.images",
    "bookshop.catalogue.importing",
    "bookshop.catalogue.seed",
    "bookshop.ops.backup",
    "bookshop.ops.backup_schema",
    "bookshop.ops.check",
    "bookshop.ops.privacy",
)


def configure(ini: Mapping[str, str]) -> Configurator:
    """Return the configurator of the shop that an INI's section describes.

    No database is opened. Raises settings.SettingsError.
    """
    try:
        # Packages in `pyramid.includes` are included here: they may change the settings.
        config = Configurator(settings=settings.expand(ini))
    except ModuleNotFoundError as err:
        problem = settings.Problem(
            "pyramid.includes",
            "not_installed",
            f"the package {err.name} is not installed",
            "pyramid.includes =",
        )
        raise settings.SettingsError([problem]) from err
    for feature in FEATURES:
        config.include(feature)
    for package in SCANNED:
        config.scan(package, ignore=NOT_SCANNED)
    config.commit()
    return config


def main(global_config: Mapping[str, str] | None, **ini: str) -> Any:
    """Return the WSGI application of an INI's section, for `pserve`.

    Wrong settings and an unprepared database end the program with exit code 2, and no traceback.
    """
    try:
        config = configure(ini)
        prepare(config.registry, (global_config or {}).get("__file__", "production.ini"))
    except (settings.SettingsError, StartupError) as err:
        sys.stderr.write(f"{err}\n")
        raise SystemExit(2) from None
    return config.make_wsgi_app()
