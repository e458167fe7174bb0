"""Errors of a checkout that cannot continue."""

from __future__ import annotations

from bookshop.catalogue.works.listing import Listing
from bookshop.orders.snapshot import OrderSnapshot


class UnknownItemError(Exception):
    """The catalogue has no book with that SKU."""


class UnavailableError(Exception):
    """The book called `title` cannot be purchased now."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.title = title


class ConfirmationRequired(Exception):
    """The client opened many checkouts by links: the next order needs the press of a button.

    https://docs.stripe.com/disputes/prevention/card-testing
    """

    def __init__(self, listing: Listing) -> None:
        super().__init__(listing.sku)
        self.listing = listing


class OrderClosedError(Exception):
    """The order can no longer be paid; `order` is None if this session has no such order."""

    def __init__(self, order: OrderSnapshot | None) -> None:
        super().__init__(order and order.number)
        self.order = order


class TotalChangedError(Exception):
    """The order's total differs from the one that the customer has seen."""
