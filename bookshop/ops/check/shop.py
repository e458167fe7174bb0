"""Checks of the shop's own settings: values that are valid, but probably not what is meant."""

from __future__ import annotations

from collections.abc import Iterator

from bookshop.ops.check.findings import Finding, warning
from bookshop.settings import ShopSettings
from bookshop.settings.timezones import UTC, is_utc_all_year, usual_timezone

TIMEZONE = "bookshop.timezone"


def run_checks(shop: ShopSettings) -> Iterator[Finding]:
    """Yield all findings about the shop's settings."""
    if shop.timezone.key == UTC and not is_utc_all_year(shop.country):
        yield warning(
            "timezone_is_utc",
            TIMEZONE,
            f"is UTC, which clocks in {shop.country} do not show all year",
            f"{TIMEZONE} = {usual_timezone(shop.country) or 'America/New_York'}",
            "embargoes and prices begin and end at midnight in UTC, and receipts have its days",
        )
