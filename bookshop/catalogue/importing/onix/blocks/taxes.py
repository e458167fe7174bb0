"""Tax composites of a price: one, or one for each part of the price or for each kind of tax."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text

# List 62
TAX_RATES = frozenset({"H", "P", "R", "S", "T", "Z"})
UNTAXED_RATES = frozenset({"P", "Z"})  # paid at source (in Italy), and zero
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
    parts = [part for tax in composites(price, "Tax") if (part := _part(tax)) != _NOTHING]
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


def _part(tax: Composite) -> _Part:
    rate = first_text(tax, "TaxRateCode")
    percent = _decimal(_PERCENT, first_text(tax, "TaxRatePercent"))
    if percent is None and rate in UNTAXED_RATES:
        percent = Decimal(0)
    return _Part(
        rate=rate if rate in TAX_RATES else None,
        percent=percent,
        taxable=_decimal(_AMOUNT, first_text(tax, "TaxableAmount")),
        amount=_decimal(_AMOUNT, first_text(tax, "TaxAmount")),
    )


def _decimal(pattern: re.Pattern[str], value: str) -> Decimal | None:
    return Decimal(value) if pattern.fullmatch(value) else None
