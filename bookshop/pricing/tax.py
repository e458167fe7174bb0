"""Tax of an amount. It is rounded once for each rate of an order, half up.

Directive 2006/112/EC, article 226, requires base and tax for each rate, and no method of rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

_HUNDRED = 100
_HALF = Fraction(1, 2)


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
        if not 0 <= self.percent < _HUNDRED:
            raise ValueError(f"{self.percent} is not a rate of tax in percent")

    def tax_in(self, gross: int) -> int:
        """Return the tax that a gross amount, in minor units, contains."""
        percent = Fraction(self.percent)
        return int(Fraction(gross * percent, _HUNDRED + percent) + _HALF)

    def tax_on(self, net: int) -> int:
        """Return the tax that is added to a net amount, in minor units."""
        return int(Fraction(net * Fraction(self.percent), _HUNDRED) + _HALF)


#: The rate of a shop that calculates no tax.
UNTAXED = TaxRate(Decimal(0), TaxCode.OUTSIDE)
