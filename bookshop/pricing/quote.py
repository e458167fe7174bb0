"""The price of an order: lines, charges, tax for each rate, and the total.

All amounts are integers in minor units of the currency. In a shop whose prices are gross, tax is
what the prices contain, and no rounding changes a price. Where prices are net, tax is added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bookshop.pricing.allocation import allocate
from bookshop.pricing.tax import PriceMode, TaxRate


class ChargeSplit(StrEnum):
    """How the tax of a charge follows the goods: by their value, or at their highest rate."""

    PRO_RATA = "pro_rata"
    HIGHEST = "highest"


@dataclass(frozen=True)
class PricedLine:
    """Copies of one article at a unit price, less `discount` on all of them together."""

    sku: str
    quantity: int
    unit_price: int
    rate: TaxRate
    discount: int = 0

    @property
    def amount(self) -> int:
        """The price of all copies, less the discount; gross or net as the shop's prices."""
        return self.quantity * self.unit_price - self.discount


@dataclass(frozen=True)
class Charge:
    """A charge beside the goods, such as postage; gross or net as the shop's prices."""

    kind: str
    amount: int


@dataclass(frozen=True)
class Share:
    """A line, or the part of a charge at one rate, with its tax: net + tax = gross."""

    key: str
    rate: TaxRate
    gross: int
    net: int
    tax: int


@dataclass(frozen=True)
class TaxGroup:
    """All shares of one rate: net + tax = gross."""

    rate: TaxRate
    gross: int
    net: int
    tax: int


@dataclass(frozen=True)
class Quote:
    """A priced order. The total is the sum of its groups, and of its lines and charges."""

    currency: str
    mode: PriceMode
    lines: tuple[Share, ...]
    charges: tuple[Share, ...]
    groups: tuple[TaxGroup, ...]

    @property
    def total(self) -> int:
        """What the customer pays."""
        return sum(group.gross for group in self.groups)

    @property
    def tax(self) -> int:
        """The tax in the total."""
        return sum(group.tax for group in self.groups)

    @property
    def revision(self) -> str:
        """A hash of all figures: another one means that the customer was shown other figures."""
        figures = repr((self.currency, self.mode, self.lines, self.charges))
        return hashlib.blake2b(figures.encode(), digest_size=8).hexdigest()


def quote(
    currency: str,
    mode: PriceMode,
    lines: Sequence[PricedLine],
    charges: Sequence[Charge] = (),
    split: ChargeSplit = ChargeSplit.PRO_RATA,
) -> Quote:
    """Return the price of an order. Raises ValueError for a discount above a line's price."""
    amounts = [(line.sku, line.rate, line.amount) for line in lines]
    charged = [part for charge in charges for part in _split_charge(charge, lines, split)]
    shares, groups = _with_tax([*amounts, *charged], mode)
    return Quote(
        currency=currency,
        mode=mode,
        lines=tuple(shares[: len(lines)]),
        charges=tuple(shares[len(lines) :]),
        groups=tuple(groups),
    )


def _split_charge(
    charge: Charge, lines: Sequence[PricedLine], split: ChargeSplit
) -> list[tuple[str, TaxRate, int]]:
    """Return the charge's amount at each rate of the goods; one part if these cost nothing."""
    values: dict[TaxRate, int] = {}
    for line in lines:
        values[line.rate] = values.get(line.rate, 0) + line.amount
    # The highest rate comes first: of equal remainders it gets the larger part.
    rates = sorted(values, key=lambda rate: rate.percent, reverse=True)
    if split is ChargeSplit.HIGHEST or not any(values.values()):
        rates = rates[:1]
    weights = [values[rate] for rate in rates] if len(rates) > 1 else [1]
    parts = zip(rates, allocate(charge.amount, weights), strict=True)
    return [(charge.kind, rate, amount) for rate, amount in parts if amount or len(rates) == 1]


def _with_tax(
    amounts: Iterable[tuple[str, TaxRate, int]], mode: PriceMode
) -> tuple[list[Share], list[TaxGroup]]:
    """Return the amounts with their shares of the tax, in their order, and the groups of rates."""
    by_rate: dict[TaxRate, list[tuple[int, str, int]]] = {}
    for position, (key, rate, amount) in enumerate(amounts):
        by_rate.setdefault(rate, []).append((position, key, amount))
    shares: dict[int, Share] = {}
    groups = []
    for rate, members in by_rate.items():
        values = [amount for _position, _key, amount in members]
        group = _group(rate, sum(values), mode)
        groups.append(group)
        for (position, key, amount), tax in zip(members, allocate(group.tax, values), strict=True):
            gross = amount if mode is PriceMode.GROSS else amount + tax
            shares[position] = Share(key, rate, gross, gross - tax, tax)
    return [shares[position] for position in sorted(shares)], groups


def _group(rate: TaxRate, amount: int, mode: PriceMode) -> TaxGroup:
    if mode is PriceMode.GROSS:
        tax = rate.tax_in(amount)
        return TaxGroup(rate, amount, amount - tax, tax)
    tax = rate.tax_on(amount)
    return TaxGroup(rate, amount + tax, amount, tax)
