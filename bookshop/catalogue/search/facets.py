"""How many books there are of each kind: what a list can be narrowed by.

Books are counted once for each version of the catalogue, and added up for each list. A large
catalogue is counted by `recount`, after it has changed, into a table of some thousand rows: until
that is done, lists show the counts of before.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, delete, func, literal, or_, select, text, update
from sqlalchemy.engine import Connection, Engine

from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord, ListingSubject
from bookshop.catalogue.pricing import State
from bookshop.catalogue.queries import FREE
from bookshop.catalogue.search.models import FacetCount, begins
from bookshop.catalogue.search.query import Query
from bookshop.db import writing
from bookshop.money import decimals, read_amount

LARGE = 20_000  # books, from which on they are not counted while somebody waits
MOST_SUBJECTS = 64  # of which counts are kept in memory
UNITS = (10, 20, 50)
# Where a book costs so many times more of the currency's units than in pounds or euros.
SCALES = {
    "CZK": 20,
    "DKK": 10,
    "HUF": 300,
    "INR": 40,
    "ISK": 100,
    "MXN": 20,
    "NOK": 10,
    "PHP": 50,
    "PLN": 4,
    "SEK": 10,
    "THB": 30,
    "TRY": 40,
    "TWD": 30,
    "UAH": 40,
    "ZAR": 20,
    "KRW": 1000,
}
UNPRICED = -1
STORED_LEVELS = 2  # of subjects below each other, of which `recount` counts
NAMES = ("format", "language", "availability", "price")


@dataclass(frozen=True)
class Facet:
    """A value that a list can be narrowed to, and how many books that leaves."""

    value: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class Group:
    """So many books that are alike. `values` are of NAMES; `subject` is empty for any."""

    subject: str
    values: tuple[str, ...]
    books: int


class Bands:
    """The bands of prices that customers choose between, in a currency: 0-10, 10-20 and so on."""

    def __init__(self, currency: str) -> None:
        scale = SCALES.get(currency, 100 if decimals(currency) == 0 else 1)
        edges = [unit * scale for unit in UNITS]
        self._bounds = [read_amount(str(edge), currency).amount for edge in edges]
        pairs = zip((0, *edges), (*map(str, edges), ""), strict=True)
        self.names = tuple(f"{low}-{high}" for low, high in pairs)

    def number(self, amount: Any) -> Any:
        """The number of the band of an amount in minor units, as SQL; UNPRICED without one."""
        below = ((amount < bound, number) for number, bound in enumerate(self._bounds))
        return case((amount.is_(None), UNPRICED), *below, else_=len(self._bounds))

    def name(self, number: int) -> str:
        """The name of a band; none for what has no price."""
        return "" if number == UNPRICED else self.names[number]

    def within(self, name: str, amount: Any) -> Any:
        """Whether an amount in minor units is in a band, as SQL."""
        return self.number(amount) == self.names.index(name)


class Facets:
    """The counts of one catalogue, kept in memory as long as it has one version."""

    def __init__(self, engine: Engine, bands: Bands) -> None:
        self._engine = engine
        self._bands = bands
        self._lock = threading.Lock()
        self._version: int | None = None
        self._kept: dict[str, list[Group]] = {}

    def of(self, query: Query, version: int, *, priced: bool) -> tuple[int, dict[str, list[Facet]]]:
        """How many books a query without words finds, and what narrows it.

        `priced`: of those alone that have a price.
        """
        groups = self._groups(query.subject or "", version)
        return add_up((group for group in groups if group.values[-1] or not priced), query)

    def _groups(self, subject: str, version: int) -> list[Group]:
        with self._lock:
            if version != self._version or len(self._kept) > MOST_SUBJECTS:
                self._version, self._kept = version, {}
            found = self._kept.get(subject)
        if found is None:
            with self._engine.connect() as connection:
                found = self._counted(connection, subject)
            with self._lock:
                if version == self._version:
                    self._kept[subject] = found
        return found

    def _counted(self, connection: Connection, subject: str) -> list[Group]:
        if len(subject) < STORED_LEVELS and _is_large(connection):
            here = or_(
                FacetCount.subject == subject,
                begins(FacetCount.subject, subject)
                & (func.length(FacetCount.subject) == len(subject) + 1),
            )
            stored = connection.execute(select(*_STORED, FacetCount.books).where(here)).all()
            if stored:
                return [self._group(row) for row in stored]
        rows = [row for level in (0, 1) for row in _count(connection, self._bands, subject, level)]
        return [self._group(row) for row in rows]

    def _group(self, row: Any) -> Group:
        subject, format_, language, availability, band, books = row
        return Group(subject, (format_, language, availability, self._bands.name(band)), books)


_STORED = (
    FacetCount.subject,
    FacetCount.format,
    FacetCount.language,
    FacetCount.availability,
    FacetCount.band,
)


def add_up(groups: Iterable[Group], query: Query) -> tuple[int, dict[str, list[Facet]]]:
    """How many books there are in the groups that a query finds, and what narrows it.

    What a facet counts fits all other filters of the query, and not its own: who has chosen one
    format sees how many books there are of the others.
    """
    total = 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("subject", *NAMES)}
    chosen = tuple(query.filters.get(name) for name in NAMES)
    for group in groups:
        unlike = [
            place
            for place, (wanted, value) in enumerate(zip(chosen, group.values, strict=True))
            if wanted is not None and wanted != value
        ]
        if group.subject != (query.subject or ""):
            if not unlike:
                counts["subject"][group.subject] += group.books
            continue
        if not unlike:
            total += group.books
        for place, name in enumerate(NAMES):
            if not unlike or unlike == [place]:
                counts[name][group.values[place]] += group.books
    return total, {
        name: [
            Facet(value, books, chosen=query.filters.get(name) == value)
            for value, books in found.most_common()
            if value
        ]
        for name, found in counts.items()
    }


def recount(engine: Engine, bands: Bands) -> bool:
    """Count a large catalogue that has changed since it was counted; whether it was.

    It can be repeated, and several processes may try: one more counting does no harm.
    """
    with engine.connect() as connection:
        version, counted = connection.execute(
            select(CatalogueState.version, CatalogueState.counted)
        ).one()
        if version == counted or not _is_large(connection):
            return False
        rows = [
            dict(zip((*(column.key for column in _STORED), "books"), row, strict=True))
            for level in range(STORED_LEVELS + 1)
            for row in _count(connection, bands, "", level)
        ]
    with writing(engine).begin() as connection:
        connection.execute(delete(FacetCount))
        insert_rows(connection, FacetCount.__table__, rows)
        connection.execute(update(CatalogueState).values(counted=version))
    return True


def _is_large(connection: Connection) -> bool:
    first = select(literal(1)).select_from(ListingRecord).offset(LARGE).limit(1)
    return connection.scalar(first) is not None


def _count(connection: Connection, bands: Bands, subject: str, level: int) -> Sequence[Any]:
    """Rows of _STORED and a count: for a subject, or for those that many levels below it.

    The empty subject stands for all books, also those about nothing that is known.
    """
    code: Any = ListingSubject.code if subject or level else literal("")
    availability = case(
        (FREE & (ListingRecord.state == State.BUY.value), "available"),
        (FREE & (ListingRecord.state == State.PREORDER.value), "preorder"),
        else_="",
    )
    kind = (
        code,
        ListingRecord.format,
        ListingRecord.language,
        availability,
        bands.number(ListingRecord.amount),
    )
    wanted = (
        select(*(each.label(f"kind_{place}") for place, each in enumerate(kind)), func.count())
        .select_from(ListingRecord)
        .join(BookRecord, BookRecord.id == ListingRecord.book_id)
    )
    if subject or level:
        wanted = wanted.join(ListingSubject, ListingSubject.book_id == ListingRecord.book_id).where(
            begins(ListingSubject.code, subject),
            func.length(ListingSubject.code) == len(subject) + level,
        )
    return connection.execute(wanted.group_by(*(text(f"kind_{place}") for place in range(5)))).all()
