"""What a refund of lines, charges or goodwill gives back, with its tax.

Each figure is what remained before minus what remains after, so that any sequence of refunds ends
at exactly zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bookshop.pricing.allocation import allocate, cumulative_share
from bookshop.pricing.tax import TaxRate


class RefundExceedsOrderError(ValueError):
    """More was requested than is left to refund. `key` is the line or charge."""

    def __init__(self, key: str) -> None:
        super().__init__(f"more than is left of {key}")
        self.key = key


@dataclass(frozen=True)
class Refundable:
    """A line or a part of a charge as sold, and what was refunded of it: minor units, copies.

    A charge has the quantity 1. Goodwill that was given on a line is in `refunded` only.
    """

    key: str
    rate: TaxRate
    gross: int
    quantity: int = 1
    refunded: int = 0
    refunded_quantity: int = 0

    @property
    def left(self) -> int:
        """What can still be refunded."""
        return self.gross - self.refunded


@dataclass(frozen=True)
class RefundShare:
    """What goes back for a line or a part of a charge: net + tax = gross."""

    key: str
    rate: TaxRate
    quantity: int
    gross: int
    net: int
    tax: int


def refund_quantities(
    parts: Sequence[Refundable], quantities: Mapping[int, int]
) -> list[RefundShare]:
    """Return what these numbers of copies give back; the keys are positions in `parts`.

    Goodwill that was given on a line before is not given twice. Raises RefundExceedsOrderError.
    """
    amounts = [0] * len(parts)
    for position, quantity in quantities.items():
        part = parts[position]
        returned = part.refunded_quantity + quantity
        if quantity < 0 or returned > part.quantity:
            raise RefundExceedsOrderError(part.key)
        value = cumulative_share(part.gross, part.quantity, returned) - cumulative_share(
            part.gross, part.quantity, part.refunded_quantity
        )
        amounts[position] = part.left if returned == part.quantity else min(value, part.left)
    return _shares(parts, amounts, quantities)


def refund_goodwill(parts: Sequence[Refundable], amount: int) -> list[RefundShare]:
    """Return the shares of an amount that is given back for no line in particular.

    It is split by what is left, so that each rate gets its part. Raises RefundExceedsOrderError.
    """
    left = [part.left for part in parts]
    if not 0 <= amount <= sum(left):
        raise RefundExceedsOrderError("goodwill")
    return _shares(parts, allocate(amount, left), {})


def _shares(
    parts: Sequence[Refundable], amounts: Sequence[int], quantities: Mapping[int, int]
) -> list[RefundShare]:
    """Return the shares that give something back, with the tax of each rate's difference."""
    taxes = [0] * len(parts)
    for rate in dict.fromkeys(part.rate for part in parts):
        members = [index for index, part in enumerate(parts) if part.rate == rate]
        before = sum(parts[index].left for index in members)
        given = [amounts[index] for index in members]
        tax = rate.tax_in(before) - rate.tax_in(before - sum(given))
        for index, share in zip(members, allocate(tax, given), strict=True):
            taxes[index] = share
    return [
        RefundShare(part.key, part.rate, quantities.get(index, 0), amount, amount - tax, tax)
        for index, (part, amount, tax) in enumerate(zip(parts, amounts, taxes, strict=True))
        if amount or quantities.get(index)
    ]
