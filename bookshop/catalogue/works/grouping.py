"""Works: lists show one card for each work, with all its listed formats that match the list.

Editions of one work have the same `ListingRecord.work`; an edition without one is a work of its
own. The first matching edition of a work, in the order of the list, represents it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, exists, tuple_
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from bookshop.catalogue.forms import Format
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.works.listing import Listing, listing_from_row, select_listings
from bookshop.money import Money

#: Returns the SQL conditions on editions, given the tables of listings and of books.
Conditions = Callable[[Any, Any], Sequence[Any]]

_ORDER = {each.value: position for position, each in enumerate(Format)}
_OtherListing = aliased(ListingRecord)
_OtherBook = aliased(BookRecord)


@dataclass(frozen=True)
class Work:
    """A work in a list: the edition that represents it, and all `formats`, its own included."""

    listing: Listing
    formats: tuple[Listing, ...]

    @property
    def lowest_price(self) -> Money | None:
        """The lowest price at which a format can be bought; the edition's own if none can."""
        prices = [each.price for each in self.formats if each.price and each.availability.can_buy]
        return min(prices, key=lambda price: price.amount, default=self.listing.price)


def represents_work(key: Any, *, descending: bool, conditions: Conditions) -> Any:
    """Return the SQL condition that no other edition of the work comes first in a list.

    `key` is the column of ListingRecord by which the list is sorted.
    """
    other = tuple_(getattr(_OtherListing, key.key), _OtherListing.book_id)
    own = tuple_(key, ListingRecord.book_id)
    return ~exists().where(
        _OtherListing.work == ListingRecord.work,
        other > own if descending else other < own,
        _OtherBook.id == _OtherListing.book_id,
        *conditions(_OtherListing, _OtherBook),
    )


def select_formats(conditions: Conditions) -> Any:
    """Return a SELECT of all editions of the works that are its parameter `works`."""
    return select_listings().where(
        ListingRecord.work.in_(bindparam("works", expanding=True)),
        *conditions(ListingRecord, BookRecord),
    )


def with_formats(
    connection: Connection, listings: Sequence[Listing], formats: Any, currency: str
) -> list[Work]:
    """Return the works that `listings` represent; `formats` is a `select_formats`, run once."""
    keys = {listing.work for listing in listings if listing.work}
    if not keys:
        return group_formats(listings, ())
    rows = connection.execute(formats, {"works": list(keys)})
    return group_formats(listings, (listing_from_row(row, currency) for row in rows))


def group_formats(listings: Iterable[Listing], formats: Iterable[Listing]) -> list[Work]:
    """Return the works that `listings` represent; `formats` are editions of any works."""
    by_work: dict[str, list[Listing]] = {}
    for edition in formats:
        if edition.work:
            by_work.setdefault(edition.work, []).append(edition)
    works = []
    for listing in listings:
        editions = by_work.get(listing.work or "") or [listing]
        works.append(Work(listing, sort_formats(editions)))
    return works


def sort_formats(editions: Iterable[Listing]) -> tuple[Listing, ...]:
    """Return editions of a work in the order of `Format`; of one format, the cheapest first."""
    return tuple(sorted(editions, key=_format_order))


def _format_order(listing: Listing) -> tuple[int, int, str]:
    price = listing.price.amount if listing.price else 0
    return _ORDER[listing.format], price, listing.sku
