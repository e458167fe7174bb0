"""Checks of the database: availability, schema version, read-only mode, space for a backup."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import islice, starmap
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bookshop import migrations
from bookshop.catalogue import listings
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.pricing import unpayable_prices
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.terms.decisions import decided
from bookshop.catalogue.terms.models import DecisionsRecord
from bookshop.db import reason_of
from bookshop.ops.check.files import check_file_mode
from bookshop.ops.check.findings import Finding, error, warning
from bookshop.payment_limits import describe
from bookshop.services import Services

KEY = "sqlalchemy.url"
MIGRATE = "bookshop migrate"
#: The states of a book that would be for sale if it had a price.
WITHOUT_PRICE = (SaleState.NOT_FOR_SALE, SaleState.FORTHCOMING)


def check_database(shop: Services) -> list[Finding]:
    """Return a finding if the shop cannot work with the database at all."""
    try:
        usable = migrations.is_usable(shop.engine)
    except (SQLAlchemyError, OSError) as err:
        problem = f"the database does not respond ({type(err).__name__}: {reason_of(err)})"
        fix = f"{KEY} = …, and check that the database server runs"
        why = "the shop cannot show or sell anything"
        return [error("database_unavailable", KEY, problem, fix, why)]
    if not usable and _is_development(shop):
        problem = "the shop has not been started since it was installed or updated"
        fix = "start it first, with pserve and this INI: that prepares the database"
        return [error("not_started", KEY, problem, fix, "there is nothing to check yet")]
    if not usable:
        code, problem = "database_outdated", "the database is empty or belongs to another version"
    elif not listings.listings_are_current(shop.engine, shop.sales_context):
        code, problem = "listings_outdated", "the listings are for another currency or country"
    else:
        return []
    return [error(code, KEY, problem, MIGRATE, "the shop does not start")]


def is_not_started(shop: Services) -> bool:
    """Return True for a shop in development whose next start will prepare its database."""
    return _is_development(shop) and any(
        finding.code == "not_started" for finding in check_database(shop)
    )


def _is_development(shop: Services) -> bool:
    return shop.settings.shop.environment == "development"


def run_checks(shop: Services) -> Iterator[Finding]:
    """Yield all findings about the database."""
    unusable = check_database(shop)
    yield from unusable or [*_check_read_only(shop), *_check_prices(shop)]
    if shop.engine.dialect.name == "sqlite":
        yield from _check_file(Path(shop.settings.database.database or ""))
    else:
        yield from _check_encoding(shop)


def _check_read_only(shop: Services) -> Iterator[Finding]:
    mode, why = shop.read_only, "customers cannot buy"
    if mode.flag.exists():
        problem = f"the shop is read-only because {mode.flag} exists"
        yield warning("read_only", "bookshop.var", problem, f"rm {mode.flag}", why)
    elif mode.is_on():
        problem = "the shop is read-only: a migration runs or was interrupted"
        yield warning("migration_unfinished", KEY, problem, MIGRATE, why)


def _check_prices(shop: Services) -> Iterator[Finding]:
    """Report books that are not for sale because Stripe cannot charge their price."""
    query = (
        select(BookRecord.edition, DecisionsRecord.decisions)
        .join(ListingRecord, ListingRecord.book_id == BookRecord.id)
        .outerjoin(DecisionsRecord, DecisionsRecord.book_id == BookRecord.id)
        .where(ListingRecord.amount.is_(None), ListingRecord.state.in_(WITHOUT_PRICE))
        .order_by(BookRecord.sku)
    )
    with shop.engine.connect() as connection:
        unpayable = [
            (edition.sku, price, reason)
            for edition in starmap(decided, connection.execute(query))
            for price, reason in islice(unpayable_prices(edition, shop.sales_context), 1)
        ]
    if unpayable:
        sku, price, reason = unpayable[0]
        yield warning(
            "unpayable_prices",
            "bookshop.currency",
            f"books whose price cannot be paid: {len(unpayable)}, the first is {sku} at"
            f" {price.value:f} {price.currency}. {describe(reason, price.currency).rstrip('.')}",
            "correct these prices in the feed, and import it again",
            "these books are not offered for sale",
        )


def _check_file(file: Path) -> Iterator[Finding]:
    if not file.exists():
        return
    # SQLite writes other files in the same folder.
    for path in (file, file.parent):
        if not os.access(path, os.W_OK):
            yield error(
                "database_not_writable",
                KEY,
                f"the current user cannot write to {path}",
                f"run this command as the shop's user, or: chown USER {path}",
                "the shop cannot sell anything",
            )
    yield from check_file_mode(KEY, file, "it holds personal data of customers")
    size, free = file.stat().st_size, shutil.disk_usage(file.parent).free
    if free < 2 * size:
        yield warning(
            "no_space_for_backup",
            KEY,
            f"the disk has too little space for a copy of {file} ({size} bytes)",
            f"free {2 * size - free} bytes on that disk",
            "backups fail, and a full disk stops the shop",
        )


def _check_encoding(shop: Services) -> Iterator[Finding]:
    try:
        with shop.engine.connect() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    except (SQLAlchemyError, OSError):
        return  # reported by check_database
    if encoding != "UTF8":
        yield error(
            "database_encoding",
            KEY,
            f"the database's encoding is {encoding}, not UTF8",
            "createdb --encoding UTF8 --template template0 …, and name that database here",
            "it cannot store all names and titles",
        )
