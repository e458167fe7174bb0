"""Retail prices in SupplyDetail: amounts, tax, dates and territories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from bookshop.catalogue.edition import Price
from bookshop.catalogue.importing.onix.blocks.dates import dated_roles, require_date, split_range
from bookshop.catalogue.importing.onix.blocks.taxes import tax_of
from bookshop.catalogue.importing.onix.blocks.territories import NO_COUNTRY, granted_in
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text, texts
from bookshop.catalogue.importing.records import RecordError
from bookshop.money import decimals

# List 58: prices for end customers; the others are trade prices.
RETAIL_TYPES = frozenset(
    {"01", "02", "03", "04", "11", "12", "13", "14", "21", "22", "23", "24"}
    | {"31", "33", "34", "41", "42"}
)
DEFAULT_TYPE = "02"
# List 59: prices for every customer. Promotional prices count if they have dates.
PUBLIC_QUALIFIERS = frozenset({"", "00", "05"})
PROMOTIONAL = "08"
# List 167: prices for rentals and subscriptions, and on purchase of another product.
CONDITIONAL = frozenset({"04", "05", "06", "07", "08", "10", "11", "12"})
# List 173
FROM, UNTIL, FROM_UNTIL = "14", "15", "24"
# Price types without tax (list 58), and the same ones with tax.
WITH_TAX = {code: f"{int(code) + 1:02d}" for code in ("01", "03", "21", "23", "33", "41")}
_AMOUNT = re.compile(r"(?P<whole>[0-9]{1,12})(?:(?P<mark>[.,])(?P<part>[0-9]{1,12}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MAX_DECIMALS_AFTER_COMMA = 2  # three would be a thousands separator


def retail_prices(detail: Composite) -> Iterator[Price]:
    """Yield the prices for end customers. Raises RecordError for one that cannot be parsed."""
    for composite in composites(detail, "Price"):
        price_type = first_text(composite, "PriceType") or DEFAULT_TYPE
        if price_type in RETAIL_TYPES and _is_public(composite):
            price = _price(composite, price_type)
            promotional = first_text(composite, "PriceQualifier") == PROMOTIONAL
            if price is not None and (not promotional or price.starts or price.ends):
                yield price


def _is_public(composite: Composite) -> bool:
    """True if every customer pays this price for a single copy."""
    if first_text(composite, "UnpricedItemType") or not first_text(composite, "PriceAmount"):
        return False
    conditions = {
        code
        for condition in composites(composite, "PriceCondition")
        for code in texts(condition, "PriceConditionType")
    }
    return (
        first_text(composite, "PriceQualifier") in PUBLIC_QUALIFIERS | {PROMOTIONAL}
        and first_text(composite, "MinimumOrderQuantity") in {"", "0", "1"}
        and conditions.isdisjoint(CONDITIONAL)
    )


def _price(composite: Composite, price_type: str) -> Price | None:
    """Return the price; None if it is zero, or valid in no country."""
    currency = first_text(composite, "CurrencyCode")
    if not _CURRENCY.fullmatch(currency):
        actual = f"the currency {currency}" if currency else "no currency"
        raise RecordError(
            "invalid_currency",
            f"A price has {actual}: CurrencyCode must have three letters, for example EUR.",
        )
    includes_tax = price_type[-1] in "02468"
    value = first_text(composite, "PriceAmount")
    exact = _amount(value, currency, includes_tax=includes_tax)
    tax = tax_of(composite, None if includes_tax else exact)
    if tax.amount is not None and price_type in WITH_TAX:
        price_type, exact = WITH_TAX[price_type], exact + tax.amount
    amount = int(exact.scaleb(decimals(currency)).quantize(Decimal(1), ROUND_HALF_UP))
    countries = granted_in(composites(composite, "Territory"))
    if amount == 0 or countries == NO_COUNTRY:
        return None
    starts, ends = _validity(composite)
    return Price(
        currency=currency,
        amount=amount,
        type=price_type,
        tax=tax.rate,
        tax_percent=tax.percent,
        starts=starts,
        ends=ends,
        countries=countries.included,
        excluded=countries.excluded,
    )


def _amount(value: str, currency: str, *, includes_tax: bool) -> Decimal:
    """Return an amount in units of its currency. Raises RecordError.

    A decimal comma is accepted. A price without tax may have more decimals than its currency: it is
    rounded. A price with tax is what the customer pays, so more decimals are an error.
    """
    match = _AMOUNT.fullmatch(value)
    if match is not None and (
        match["mark"] != "," or len(match["part"]) <= _MAX_DECIMALS_AFTER_COMMA
    ):
        exact = Decimal(f"{match['whole']}.{match['part'] or 0}")
        if not includes_tax or exact.scaleb(decimals(currency)) % 1 == 0:
            return exact
    raise RecordError(
        "invalid_price",
        f"A price is {value} {currency}: write PriceAmount as a number, for example 12.99.",
    )


def _validity(composite: Composite) -> tuple[date | None, date | None]:
    """Return the first and the last day of a price. Raises RecordError."""
    starts = ends = None
    for role, value in dated_roles(composite, "PriceDate", "PriceDateRole"):
        first_day = last_day = None
        if role == FROM:
            first_day = value
        elif role == UNTIL:
            last_day = value
        elif role == FROM_UNTIL:
            first_day, last_day = split_range(value) or (value, value)
        if first_day is not None:
            starts = require_date(first_day, "The first day of a price")
        if last_day is not None:
            ends = require_date(last_day, "The last day of a price", last=True)
    return starts, ends
