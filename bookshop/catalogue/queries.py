"""Reading the catalogue book by book, and the index: plain rows, few statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.engine import Connection, Engine

from bookshop import clock
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.models import NEVER, BookRecord, ListingRecord
from bookshop.catalogue.pricing import Availability, Offer, SalesContext, State, availability, offer
from bookshop.money import Money

ON_THE_TABLE = 48  # books that the index shows at most
MOST_FORMATS = 24
# ONIX list 51: the same text in another format, or made from or into one.
SAME_WORK = frozenset({"06", "13", "27"})


@dataclass(frozen=True)
class Listing:
    """A book as lists show it. `price` is in the shop's currency, None where it has none.

    `form` is of `forms.form_key`, `format` of `forms.Format`; `published` is None where nobody
    knows it, `cover` where there is none.
    """

    sku: str
    title: str
    subtitle: str | None
    byline: str
    form: str
    format: str
    language: str
    cover: str | None
    published: date | None
    price: Money | None
    availability: Availability


@dataclass(frozen=True)
class Detail:
    """A book as its own page shows it: all that the trade says, and how it is sold today."""

    listing: Listing
    edition: Edition
    offer: Offer
    changed_at: datetime

    @property
    def sku(self) -> str:
        return self.edition.sku


#: What a listing is made of; the free copies stand in the book's own row.
COLUMNS = (
    ListingRecord.book_id,
    ListingRecord.sku,
    ListingRecord.title,
    ListingRecord.subtitle,
    ListingRecord.byline,
    ListingRecord.form,
    ListingRecord.format,
    ListingRecord.language,
    ListingRecord.cover,
    ListingRecord.published,
    ListingRecord.state,
    ListingRecord.amount,
    (BookRecord.stock - BookRecord.held).label("free"),
)
FREE = BookRecord.stock.is_(None) | (BookRecord.stock > BookRecord.held)


def listed(*more: Any) -> Select[*tuple[Any, ...]]:
    """The statement that reads listings, and `more` columns of them."""
    return (
        select(*COLUMNS, *more)
        .select_from(ListingRecord)
        .join(BookRecord, BookRecord.id == ListingRecord.book_id)
    )


def listing_of(row: Row[*tuple[Any, ...]], currency: str) -> Listing:
    """The listing that a row of `listed` holds."""
    return Listing(
        sku=row.sku,
        title=row.title,
        subtitle=row.subtitle,
        byline=row.byline,
        form=row.form,
        format=row.format,
        language=row.language,
        cover=row.cover,
        published=None if row.published == NEVER else row.published,
        price=None if row.amount is None else Money(row.amount, currency),
        availability=availability(State(row.state), row.free),
    )


# Built once: that costs more than asking the database.
_BY_SKU = listed().where(BookRecord.sku == bindparam("sku"))
_WHOLE = listed(BookRecord.edition, BookRecord.changed_at).where(BookRecord.sku == bindparam("sku"))
_ON_THE_TABLE = (
    listed()
    .where(ListingRecord.state == bindparam("state"), FREE)
    .order_by(ListingRecord.published.desc(), ListingRecord.book_id.desc())
    .limit(bindparam("most"))
)
_OTHERS = (
    listed()
    .where(BookRecord.sku != bindparam("sku"))
    .order_by(ListingRecord.sort_title, ListingRecord.book_id)
    .limit(MOST_FORMATS)
)
_OF_WORK = _OTHERS.where(BookRecord.work == bindparam("work"))
_BY_ISBN = _OTHERS.where(BookRecord.isbn.in_(bindparam("isbns", expanding=True)))


class CatalogueQueries:
    """The catalogue of one shop, on its terms."""

    def __init__(self, engine: Engine, terms: SalesContext) -> None:
        self._engine = engine
        self._terms = terms

    def purchasable(self, most: int = ON_THE_TABLE) -> list[Listing]:
        """Books that a customer can buy now: what is out before what is to come, newest first."""
        found: list[Listing] = []
        with self._engine.connect() as connection:
            for state in (State.BUY, State.PREORDER):
                if len(found) < most:
                    left = most - len(found)
                    found += self._listings(connection, _ON_THE_TABLE, state=state.value, most=left)
        return found

    def listing(self, sku: str) -> Listing | None:
        """The book of that SKU, as lists show it."""
        with self._engine.connect() as connection:
            found = self._listings(connection, _BY_SKU, sku=sku)
        return found[0] if found else None

    def detail(self, sku: str) -> Detail | None:
        """The book of that SKU, with all that its page shows."""
        with self._engine.connect() as connection:
            row = connection.execute(_WHOLE, {"sku": sku}).one_or_none()
        if row is None:
            return None
        return Detail(
            listing=listing_of(row, self._terms.currency),
            edition=row.edition,
            offer=offer(row.edition, self._terms, clock.now().date()),
            changed_at=row.changed_at,
        )

    def withdrawn(self, sku: str) -> str | None:
        """The title of the book of that SKU, if it was sold here once and is no more."""
        wanted = select(BookRecord.title).where(BookRecord.sku == sku, BookRecord.withdrawn)
        with self._engine.connect() as connection:
            title: str | None = connection.scalar(wanted)
        return title

    def other_formats(self, edition: Edition) -> list[Listing]:
        """The other formats of the same work, as far as the shop has them."""
        alike = [related.isbn for related in edition.related if related.relation in SAME_WORK]
        if edition.work is None and not alike:
            return []
        found: dict[str, Listing] = {}
        with self._engine.connect() as connection:
            if edition.work is not None:
                of_work = self._listings(connection, _OF_WORK, work=edition.work, sku=edition.sku)
                found |= {listing.sku: listing for listing in of_work}
            if alike:
                named = self._listings(connection, _BY_ISBN, isbns=alike, sku=edition.sku)
                found |= {listing.sku: listing for listing in named}
        return list(found.values())[:MOST_FORMATS]

    def _listings(
        self, connection: Connection, wanted: Select[*tuple[Any, ...]], **given: Any
    ) -> list[Listing]:
        rows = connection.execute(wanted, given)
        return [listing_of(row, self._terms.currency) for row in rows]
