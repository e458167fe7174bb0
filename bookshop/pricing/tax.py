"""Tax of an amount. It is rounded once for each rate of an order, half up.

Directive 2006/112/EC, article 226, requires base and tax for each rate, and no method of rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_SCALE = 10_000  # a percentage has at most four decimals
_HUNDRED = 100 * _SCALE
_MAX_PERCENT = 100


class PriceMode(StrEnum):
    """What prices are: GROSS includes tax, NET does not."""

    GROSS = "gross"
    NET = "net"


class TaxCode(StrEnum):
    """The tax categories of EN 16931 (UNTDID 5305) that a bookshop needs."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE = "O"


@dataclass(frozen=True)
class TaxRate:
    """A rate in percent, with its category and the territory whose tax it is (GB, DE, XI)."""

    percent: Decimal
    code: TaxCode = TaxCode.STANDARD
    territory: str = ""

    def __post_init__(self) -> None:
        scaled = self.percent * _SCALE
        if not 0 <= self.percent < _MAX_PERCENT or scaled != int(scaled):
            raise ValueError(f"{self.percent} is not a percentage with at most four decimals")

    def tax_in(self, gross: int) -> int:
        """Return the tax that a gross amount, in minor units, contains."""
        rate = int(self.percent * _SCALE)
        return _half_up(gross * rate, _HUNDRED + rate)

    def tax_on(self, net: int) -> int:
        """Return the tax that is added to a net amount, in minor units."""
        return _half_up(net * int(self.percent * _SCALE), _HUNDRED)


#: The rate of a shop that calculates no tax.
UNTAXED = TaxRate(Decimal(0), TaxCode.OUTSIDE)


def _half_up(numerator: int, denominator: int) -> int:
    """Return the quotient of two numbers that are not negative, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)
