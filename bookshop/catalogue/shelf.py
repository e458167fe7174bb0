"""Reading the catalogue: plain rows, short statements, no unit of work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.engine import Connection, Engine, Row

from bookshop.catalogue.availability import ORDERABLE, Availability, availability
from bookshop.catalogue.models import BookRecord, ContributorRecord, PriceRecord
from bookshop.money import Money

AUTHOR = "A01"


@dataclass(frozen=True)
class Contributor:
    """Who made a book, and as what (ONIX list 17)."""

    name: str
    role: str


@dataclass(frozen=True)
class Listing:
    """A book as lists show it. `price` is in the shop's currency, None where it has none."""

    sku: str
    title: str
    subtitle: str | None
    form: str
    language: str
    cover: str
    contributors: tuple[Contributor, ...]
    price: Money | None
    availability: Availability

    @property
    def byline(self) -> str:
        """The authors' names; where there is none, everybody's."""
        authors = [person.name for person in self.contributors if person.role == AUTHOR]
        return ", ".join(authors or [person.name for person in self.contributors])


@dataclass(frozen=True)
class Detail(Listing):
    """A book as its own page shows it."""

    isbn: str | None
    work: str | None
    publisher: str
    published: date | None
    pages: int | None
    minutes: int | None
    subjects: tuple[str, ...]
    description: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """One page of a list of `total` books; pages count from 1."""

    listings: list[Listing]
    number: int
    pages: int
    total: int


_LISTED = (
    BookRecord.id,
    BookRecord.sku,
    BookRecord.title,
    BookRecord.subtitle,
    BookRecord.form,
    BookRecord.language,
    BookRecord.cover,
    BookRecord.availability,
    (BookRecord.stock - BookRecord.held).label("free"),
    PriceRecord.amount,
)
_DETAILED = (
    *_LISTED,
    BookRecord.isbn,
    BookRecord.work,
    BookRecord.publisher,
    BookRecord.published,
    BookRecord.pages,
    BookRecord.minutes,
    BookRecord.subjects,
    BookRecord.description,
)
_BY_TITLE = (BookRecord.title, BookRecord.sku)


class Shelf:
    """The catalogue of one shop, priced in its currency."""

    def __init__(self, engine: Engine, currency: str) -> None:
        self._engine = engine
        self._currency = currency

    def purchasable(self) -> list[Listing]:
        """Every book that a customer can buy now, in the catalogue's order."""
        wanted = (
            self._select(_LISTED)
            .where(
                BookRecord.availability.in_(sorted(ORDERABLE)),
                PriceRecord.amount.is_not(None),
                BookRecord.stock.is_(None) | (BookRecord.stock > BookRecord.held),
            )
            .order_by(BookRecord.id)
        )
        with self._engine.connect() as connection:
            return self._listings(connection, wanted)

    def page(self, number: int, size: int) -> Page | None:
        """The `number`th `size` books by title, or None beyond the last page."""
        with self._engine.connect() as connection:
            total = connection.scalar(select(func.count()).select_from(BookRecord)) or 0
            pages = max(1, -(-total // size))
            if number > pages:
                return None
            wanted = self._select(_LISTED).order_by(*_BY_TITLE)
            found = self._listings(connection, wanted.offset((number - 1) * size).limit(size))
        return Page(found, number, pages, total)

    def listing(self, sku: str) -> Listing | None:
        """The book of that SKU, as lists show it."""
        with self._engine.connect() as connection:
            found = self._listings(connection, self._select(_LISTED).where(BookRecord.sku == sku))
        return found[0] if found else None

    def detail(self, sku: str) -> Detail | None:
        """The book of that SKU, with all that its page shows."""
        with self._engine.connect() as connection:
            row = connection.execute(
                self._select(_DETAILED).where(BookRecord.sku == sku)
            ).one_or_none()
            if row is None:
                return None
            people = self._people(connection, [row.id])
        return Detail(
            **self._facts(row, people[row.id]),
            isbn=row.isbn,
            work=row.work,
            publisher=row.publisher,
            published=row.published,
            pages=row.pages,
            minutes=row.minutes,
            subjects=tuple(row.subjects),
            description=tuple(row.description),
        )

    def other_formats(self, book: Detail) -> list[Listing]:
        """The other formats of the same work."""
        if book.work is None:
            return []
        wanted = (
            self._select(_LISTED)
            .where(BookRecord.work == book.work, BookRecord.sku != book.sku)
            .order_by(*_BY_TITLE)
        )
        with self._engine.connect() as connection:
            return self._listings(connection, wanted)

    def _select(self, columns: Sequence[Any]) -> Select[Any]:
        here = and_(PriceRecord.book_id == BookRecord.id, PriceRecord.currency == self._currency)
        return select(*columns).select_from(BookRecord).outerjoin(PriceRecord, here)

    def _listings(self, connection: Connection, wanted: Select[Any]) -> list[Listing]:
        rows = connection.execute(wanted).all()
        people = self._people(connection, [row.id for row in rows])
        return [Listing(**self._facts(row, people[row.id])) for row in rows]

    def _people(
        self, connection: Connection, ids: Iterable[int]
    ) -> defaultdict[int, list[Contributor]]:
        found: defaultdict[int, list[Contributor]] = defaultdict(list)
        wanted = (
            select(ContributorRecord.book_id, ContributorRecord.name, ContributorRecord.role)
            .where(ContributorRecord.book_id.in_(list(ids)))
            .order_by(ContributorRecord.book_id, ContributorRecord.position)
        )
        for book_id, name, role in connection.execute(wanted):
            found[book_id].append(Contributor(name, role))
        return found

    def _facts(self, row: Row[Any], people: list[Contributor]) -> dict[str, Any]:
        price = None if row.amount is None else Money(row.amount, self._currency)
        return {
            "sku": row.sku,
            "title": row.title,
            "subtitle": row.subtitle,
            "form": row.form,
            "language": row.language,
            "cover": row.cover,
            "contributors": tuple(people),
            "price": price,
            "availability": availability(row.availability, row.free, priced=price is not None),
        }
