"""What happens before the first request: the database must be there, and be of this version."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

from pyramid.registry import Registry
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock, migrations
from bookshop.catalogue import demo, writer

LOG = logging.getLogger(__name__)


class NotReadyError(Exception):
    """The shop cannot start; the text says what to do."""


def prepare(registry: Registry, ini: str) -> None:
    """Make the shop ready: in development by itself, elsewhere by saying what is missing.

    `ini` is the file that the shop was started with. Raises NotReadyError.
    """
    try:
        _prepare(registry, ini)
    except migrations.NewerSchemaError as err:
        message = f"The shop did not start: {err}."
        raise NotReadyError(f"{message}\n  install the newer version of the shop") from err
    except (SQLAlchemyError, OSError) as err:
        message = f"The shop did not start: the database does not answer ({type(err).__name__})."
        raise NotReadyError(f"{message}\n  see sqlalchemy.url in {ini}") from err


def _prepare(registry: Registry, ini: str) -> None:
    shop = registry.bookshop.shop
    if shop.environment == "development":
        shop.var.mkdir(parents=True, exist_ok=True)
        migrations.upgrade(registry.engine)
        if writer.rebuild_listings(registry.engine, registry.terms, clock.now()):
            LOG.info("the listings were made anew")
        _fill(registry, Path(ini).parent)
        return
    if migrations.is_usable(registry.engine):
        if writer.is_fresh(registry.engine, registry.terms):
            return
        message = "The shop did not start: its books are listed in another currency or country."
    else:
        message = "The shop did not start: its database is new, or of another version."
    raise NotReadyError(f"{message}\n  run: bookshop --config {shlex.quote(ini)} migrate")


def _fill(registry: Registry, folder: Path) -> None:
    """Put books on an empty shelf: those of the sheet beside the INI, or else the demo's."""
    sheet = folder / "catalogue.csv"
    if sheet.is_file():
        # What reads sheets takes long to import, and a server has no other use for it.
        from bookshop.catalogue import seed  # noqa: PLC0415

        if seed.load(registry.engine, registry.terms, registry.covers, sheet):
            LOG.info("the books of %s were loaded", sheet.name)
        return
    with registry.sessions.begin() as session:
        if demo.load(session, registry.terms, clock.now()):
            LOG.info("the demo catalogue was loaded")
