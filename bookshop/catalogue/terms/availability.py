"""Availability of a book: how it can be sold, and how many copies are left."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bookshop.i18n import _

LOW_STOCK = 3  # copies, up to which a book is low in stock


class SaleState(StrEnum):
    """How a book can be sold on a day, regardless of stock: the best first.

    Listings store these values. NOT_FOR_SALE means that the shop may not or will not sell it.
    """

    BUY = "buy"
    PREORDER = "preorder"
    FORTHCOMING = "forthcoming"
    TEMPORARILY_UNAVAILABLE = "wait"
    NOT_FOR_SALE = "not_for_sale"
    DISCONTINUED = "gone"


class AvailabilityCode(StrEnum):
    """The availability of a book today, with regard to unreserved stock."""

    IN_STOCK = "in_stock"
    LOW_STOCK = "low_stock"
    PREORDER = "preorder"
    FORTHCOMING = "forthcoming"
    OUT_OF_STOCK = "out_of_stock"
    NOT_FOR_SALE = "not_for_sale"
    UNAVAILABLE = "unavailable"


LABELS = {
    AvailabilityCode.IN_STOCK: _("In stock"),
    AvailabilityCode.LOW_STOCK: _("Only a few left"),
    AvailabilityCode.PREORDER: _("Available to pre-order"),
    AvailabilityCode.FORTHCOMING: _("Coming soon"),
    AvailabilityCode.OUT_OF_STOCK: _("Out of stock"),
    AvailabilityCode.NOT_FOR_SALE: _("Not for sale online"),
    AvailabilityCode.UNAVAILABLE: _("No longer available"),
}


@dataclass(frozen=True)
class Availability:
    """An availability code with its label."""

    code: AvailabilityCode

    @property
    def label(self) -> Any:
        """The label, to be translated."""
        return LABELS[self.code]

    @property
    def can_buy(self) -> bool:
        """True if a customer can buy or pre-order a copy now."""
        return self.code in {
            AvailabilityCode.IN_STOCK,
            AvailabilityCode.LOW_STOCK,
            AvailabilityCode.PREORDER,
        }


def availability_of(state: SaleState, stock: int | None) -> Availability:
    """Return the availability for unreserved `stock`, which is None where stock is unlimited."""
    if state is SaleState.FORTHCOMING:
        return Availability(AvailabilityCode.FORTHCOMING)
    if state is SaleState.NOT_FOR_SALE:
        return Availability(AvailabilityCode.NOT_FOR_SALE)
    if state is SaleState.DISCONTINUED:
        return Availability(AvailabilityCode.UNAVAILABLE)
    if state is SaleState.TEMPORARILY_UNAVAILABLE:
        return Availability(AvailabilityCode.OUT_OF_STOCK)
    code = stock_level(stock)
    if state is SaleState.PREORDER and code is not AvailabilityCode.OUT_OF_STOCK:
        code = AvailabilityCode.PREORDER
    return Availability(code)


def stock_level(stock: int | None) -> AvailabilityCode:
    """Return the level that pages show for unreserved `stock`; None is unlimited."""
    if stock is None or stock > LOW_STOCK:
        return AvailabilityCode.IN_STOCK
    return AvailabilityCode.LOW_STOCK if stock > 0 else AvailabilityCode.OUT_OF_STOCK
