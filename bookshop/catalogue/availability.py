"""Whether a book can be bought: one function of what the catalogue knows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bookshop.translation import _

FEW = 3
FORTHCOMING = frozenset({"10", "11", "12"})
ORDERABLE = frozenset({"20", "21", "22", "23"})
WAITING = frozenset({"30", "31", "32", "33", "34"})


class Code(StrEnum):
    """What the shop can do with a book today."""

    AVAILABLE = "available"
    FEW = "few"
    PREORDER = "preorder"
    SOLD_OUT = "sold_out"
    UNAVAILABLE = "unavailable"


LABELS = {
    Code.AVAILABLE: _("In stock"),
    Code.FEW: _("Only a few left"),
    Code.PREORDER: _("Not out yet"),
    Code.SOLD_OUT: _("Sold out"),
    Code.UNAVAILABLE: _("No longer available"),
}


@dataclass(frozen=True)
class Availability:
    """The answer, as code and in words."""

    code: Code

    @property
    def label(self) -> Any:
        """The answer in words, to be translated."""
        return LABELS[self.code]

    @property
    def can_buy(self) -> bool:
        """Whether a customer can buy a copy now."""
        return self.code in {Code.AVAILABLE, Code.FEW}


def availability(code: str, free: int | None, *, priced: bool) -> Availability:
    """What an ONIX ProductAvailability (list 65) and the copies nobody has taken come to.

    `free` is None where copies are no object; `priced`, whether the book has a price here.
    """
    if code in FORTHCOMING:
        return Availability(Code.PREORDER)
    if code in WAITING:
        return Availability(Code.SOLD_OUT)
    if code not in ORDERABLE or not priced:
        return Availability(Code.UNAVAILABLE)
    if free is None or free > FEW:
        return Availability(Code.AVAILABLE)
    return Availability(Code.FEW if free > 0 else Code.SOLD_OUT)
