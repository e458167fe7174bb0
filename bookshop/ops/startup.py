"""Preparation before the first request: the database must exist and match this version."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

from pyramid.registry import Registry
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock, migrations
from bookshop.catalogue import demo, listings
from bookshop.db import reason_of
from bookshop.services import Services, services

LOG = logging.getLogger(__name__)


class StartupError(Exception):
    """The shop cannot start; the text says what to do."""


def prepare(registry: Registry, ini: str) -> None:
    """Prepare the database in development; elsewhere, require that it is prepared.

    `ini` is the path of the file that the shop was started with. Raises StartupError.
    """
    try:
        _prepare(services(registry), ini)
    except migrations.NewerSchemaError as err:
        message = f"The shop did not start: {err}."
        raise StartupError(f"{message}\n  install the newer version of the shop") from err
    except (SQLAlchemyError, OSError) as err:
        message = f"The shop did not start: the database is unavailable ({reason_of(err)})."
        raise StartupError(f"{message}\n  check sqlalchemy.url in {ini}") from err


def _prepare(shop: Services, ini: str) -> None:
    if shop.settings.shop.environment == "development":
        shop.settings.shop.var.mkdir(parents=True, exist_ok=True)
        migrations.upgrade(shop.engine)
        if listings.rebuild_listings(shop.engine, shop.sales_context, clock.now()):
            LOG.info("listings_rebuilt")
        _fill(shop, Path(ini).parent)
        return
    if migrations.is_usable(shop.engine):
        if listings.listings_are_current(shop.engine, shop.sales_context):
            return
        message = "The shop did not start: its listings are for another currency or country."
    else:
        message = "The shop did not start: its database is empty or belongs to another version."
    raise StartupError(f"{message}\n  run: bookshop --config {shlex.quote(ini)} migrate")


def _fill(shop: Services, folder: Path) -> None:
    """Fill an empty catalogue from `catalogue.csv` beside the INI, otherwise with the demo."""
    sheet = folder / "catalogue.csv"
    if sheet.is_file():
        # Imported here: the importer's modules are slow to load, and a server rarely needs them.
        from bookshop.catalogue import seed  # noqa: PLC0415

        locale = shop.settings.shop.locale
        if seed.load(shop.engine, shop.sales_context, locale, shop.covers, sheet):
            LOG.info("catalogue_loaded", extra={"file": sheet.name})
        return
    with shop.sessions.begin() as session:
        if demo.load(session, shop.sales_context, clock.now()):
            LOG.info("demo_catalogue_loaded")
