"""Tax composites of a price: one, or one for each part of the price or for each kind of tax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text

# List 62
TAX_RATES = frozenset({"H", "P", "R", "S", "T", "Z"})
UNTAXED_RATES = frozenset({"P", "Z"})  # paid at source (in Italy), and zero
_NAMES = ("TaxRateCode", "TaxRatePercent", "TaxableAmount", "TaxAmount")
_PERCENT = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,4})?")
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class Tax:
    """The tax of a price: its rate (list 62) and percentage if it has one for the whole price.

    `amount` is the sum for a price of parts that are taxed differently, in units of the currency.
    All are None for what is not given, or cannot be worked out.
    """

    rate: str | None = None
    percent: str | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    rate: str | None
    percent: Decimal | None
    taxable: Decimal | None
    amount: Decimal | None

    @property
    def tax(self) -> Decimal | None:
        if self.amount is None and self.taxable is not None and self.percent is not None:
            return (self.taxable * self.percent).scaleb(-2)  # a percentage
        return self.amount


_NOTHING = _Part(rate=None, percent=None, taxable=None, amount=None)


def tax_of(price: Composite, net: Decimal | None) -> Tax:
    """Return the tax of a Price composite; `net` is its amount if that excludes tax."""
    taxes = composites(price, "Tax")
    return _tax(tuple([tuple([first_text(tax, name) for name in _NAMES]) for tax in taxes]), net)


@lru_cache(maxsize=1024)  # the prices of a feed have few different taxes
def _tax(taxes: tuple[tuple[str, ...], ...], net: Decimal | None) -> Tax:
    parts = [part for tax in taxes if (part := _part(*tax)) != _NOTHING]
    if not parts:
        return Tax()
    rates = {part.rate for part in parts}
    rate = rates.pop() if len(rates) == 1 else None
    one = net is None and len(parts) == 1
    if all(part.percent is not None and (one or part.taxable in {None, net}) for part in parts):
        # Several taxes on the whole price, such as those of Canada and of a province.
        percent = sum((part.percent or Decimal(0) for part in parts), Decimal(0))
        return Tax(rate, f"{percent.normalize():f}")
    amounts = [part.tax for part in parts]
    taxables = [part.taxable for part in parts]
    # What is not divided into parts is one, and parts must be the whole price.
    whole = taxables == [None] or sum(filter(None, taxables), Decimal(0)) == net
    if None in amounts or not whole:
        return Tax(rate)
    return Tax(rate, amount=sum(filter(None, amounts), Decimal(0)))


def _part(rate: str, percent: str, taxable: str, amount: str) -> _Part:
    percentage = _decimal(_PERCENT, percent)
    if percentage is None and rate in UNTAXED_RATES:
        percentage = Decimal(0)
    return _Part(
        rate=rate if rate in TAX_RATES else None,
        percent=percentage,
        taxable=_decimal(_AMOUNT, taxable),
        amount=_decimal(_AMOUNT, amount),
    )


def _decimal(pattern: re.Pattern[str], value: str) -> Decimal | None:
    return Decimal(value) if pattern.fullmatch(value) else None
