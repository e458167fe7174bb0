"""Price bands: the ranges of prices by which customers filter a list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case

from bookshop.money import decimals, read_amount

EDGES = (10, 20, 50)  # units of a currency worth about as much as a pound or a euro
# Factors for the edges in currencies whose unit is worth much less.
SCALES = {
    "CZK": 20,
    "DKK": 10,
    "HUF": 300,
    "INR": 40,
    "ISK": 100,
    "MXN": 20,
    "NOK": 10,
    "PHP": 50,
    "PLN": 4,
    "SEK": 10,
    "THB": 30,
    "TRY": 40,
    "TWD": 30,
    "UAH": 40,
    "ZAR": 20,
    "KRW": 1000,
}
UNPRICED = -1


class PriceBands:
    """The price bands of a currency. `names` are ranges of whole units: 0-10, 10-20, 20-50, 50-."""

    def __init__(self, currency: str) -> None:
        scale = SCALES.get(currency, 100 if decimals(currency) == 0 else 1)
        edges = [edge * scale for edge in EDGES]
        self._bounds = [read_amount(str(edge), currency).amount for edge in edges]
        ranges = zip((0, *edges), (*map(str, edges), ""), strict=True)
        self.names = tuple(f"{low}-{high}" for low, high in ranges)

    def index_of(self, amount: Any) -> Any:
        """Return SQL for the index of the band of `amount`, in minor units; UNPRICED for NULL."""
        below = ((amount < bound, index) for index, bound in enumerate(self._bounds))
        return case((amount.is_(None), UNPRICED), *below, else_=len(self._bounds))

    def contains(self, name: str, amount: Any) -> Any:
        """Return the SQL condition that `amount`, in minor units, is in the named band."""
        return self.index_of(amount) == self.names.index(name)

    def name(self, index: int) -> str:
        """Return the name of a band; empty for UNPRICED."""
        return "" if index == UNPRICED else self.names[index]
