"""Checks that nothing of `bookshop new` that only shows how a shop looks goes live."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bookshop.catalogue.models import BookRecord
from bookshop.ops.check.findings import Finding, error, warning
from bookshop.services import Services
from bookshop.settings import Settings
from bookshop.starter import TEMPLATE

# Domains that belong to no one: https://www.rfc-editor.org/rfc/rfc2606
RESERVED = ("example", "example.com", "example.net", "example.org", "invalid", "test")


def run_checks(shop: Services) -> Iterator[Finding]:
    """Yield all findings about placeholders, in production only."""
    if shop.settings.shop.environment == "production":
        yield from _check_addresses(shop.settings)
        yield from _check_books(shop)


def _check_addresses(settings: Settings) -> Iterator[Finding]:
    hosts = {
        "bookshop.url": urlsplit(settings.shop.url).hostname or "",
        "bookshop.email": settings.shop.email.rpartition("@")[2],
    }
    if settings.mail.sender != settings.shop.email:
        hosts["mail.from"] = settings.mail.sender.rpartition("@")[2]
    for key, host in hosts.items():
        if host in RESERVED or host.endswith(tuple(f".{domain}" for domain in RESERVED)):
            problem = f"{host} is a placeholder, which belongs to no one"
            yield error("placeholder", key, problem, f"{key} = …", "customers cannot reach you")


def _check_books(shop: Services) -> Iterator[Finding]:
    [sheet] = TEMPLATE.glob("*/catalogue.csv")
    with sheet.open(encoding="utf-8", newline="") as lines:
        examples = {row[0]: row[1] for row in csv.reader(lines) if len(row) > 1}
    query = select(BookRecord.sku, BookRecord.title).where(
        BookRecord.sku.in_(examples), BookRecord.withdrawn.is_(False)
    )
    try:
        with shop.engine.connect() as connection:
            found = [sku for sku, title in connection.execute(query) if examples[sku] == title]
    except SQLAlchemyError:
        return  # reported by the checks of the database
    if found:
        yield warning(
            "example_books",
            "sqlalchemy.url",
            f"example books of a new shop are in the catalogue: {', '.join(sorted(found))}",
            "import a CSV with their SKUs and availability: out of print",
            "customers can order books that do not exist",
        )
