"""Reading the catalogue book by book, and the index: plain rows, few statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlalchemy.engine import Connection, Engine

from bookshop import clock
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.models import NEVER, BookRecord, ListingRecord
from bookshop.catalogue.offer import Availability, Offer, State, Terms, availability, offer
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


@dataclass(frozen=True)
class Page:
    """One page of a list of `total` books; pages count from 1."""

    listings: list[Listing]
    number: int
    pages: int
    total: int


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


_BY_SKU = listed()
_WHOLE = listed(BookRecord.edition, BookRecord.changed_at)


class Shelf:
    """The catalogue of one shop, on its terms."""

    def __init__(self, engine: Engine, terms: Terms) -> None:
        self._engine = engine
        self._terms = terms

    def purchasable(self, most: int = ON_THE_TABLE) -> list[Listing]:
        """Books that a customer can buy now: what is out before what is to come, newest first."""
        found: list[Listing] = []
        with self._engine.connect() as connection:
            for state in (State.BUY, State.PREORDER):
                if len(found) < most:
                    wanted = (
                        listed()
                        .where(ListingRecord.state == state.value, FREE)
                        .order_by(ListingRecord.published.desc(), ListingRecord.book_id.desc())
                        .limit(most - len(found))
                    )
                    found += self._listings(connection, wanted)
        return found

    def page(self, number: int, size: int) -> Page | None:
        """The `number`th `size` books by title, or None beyond the last page."""
        with self._engine.connect() as connection:
            total = connection.scalar(select(func.count()).select_from(ListingRecord)) or 0
            pages = max(1, -(-total // size))
            if number > pages:
                return None
            wanted = listed().order_by(ListingRecord.sort_title, ListingRecord.book_id)
            found = self._listings(connection, wanted.offset((number - 1) * size).limit(size))
        return Page(found, number, pages, total)

    def listing(self, sku: str) -> Listing | None:
        """The book of that SKU, as lists show it."""
        with self._engine.connect() as connection:
            found = self._listings(connection, _BY_SKU.where(BookRecord.sku == sku))
        return found[0] if found else None

    def detail(self, sku: str) -> Detail | None:
        """The book of that SKU, with all that its page shows."""
        with self._engine.connect() as connection:
            row = connection.execute(_WHOLE.where(BookRecord.sku == sku)).one_or_none()
        if row is None:
            return None
        return Detail(
            listing=listing_of(row, self._terms.currency),
            edition=row.edition,
            offer=offer(row.edition, self._terms, clock.now().date()),
            changed_at=row.changed_at,
        )

    def other_formats(self, edition: Edition) -> list[Listing]:
        """The other formats of the same work, as far as the shop has them."""
        alike = [related.isbn for related in edition.related if related.relation in SAME_WORK]
        same: list[ColumnElement[bool]] = [BookRecord.isbn.in_(alike)] if alike else []
        if edition.work is not None:
            same.append(BookRecord.work == edition.work)
        if not same:
            return []
        wanted = (
            listed()
            .where(or_(*same), BookRecord.sku != edition.sku)
            .order_by(ListingRecord.sort_title, ListingRecord.book_id)
            .limit(MOST_FORMATS)
        )
        with self._engine.connect() as connection:
            return self._listings(connection, wanted)

    def _listings(self, connection: Connection, wanted: Select[*tuple[Any, ...]]) -> list[Listing]:
        return [listing_of(row, self._terms.currency) for row in connection.execute(wanted)]
