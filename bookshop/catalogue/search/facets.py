"""Facets: the values by which a list can be filtered, with the number of works for each.

Works are counted as groups whose editions have equal properties, once for each version of the
catalogue, and the groups are summed up for each list. Groups of a large catalogue come from
`facet_counts`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine, Row

from bookshop.catalogue.models import ListingSubject
from bookshop.catalogue.search import facet_counts
from bookshop.catalogue.search.models import starts_with
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.catalogue.search.query import Query
from bookshop.catalogue.search.ranking import availability_facet

MAX_CACHED_SUBJECTS = 64
NAMES = ("format", "language", "availability", "price")


@dataclass(frozen=True)
class Facet:
    """A value to filter by and the number of works that have it; `selected` if it is in use."""

    value: str
    count: int
    selected: bool


@dataclass(frozen=True)
class FacetGroup:
    """A number of works whose editions have equal properties.

    `editions` are the different values of their editions, each in the order of NAMES. `subject` is
    empty for works of any subject.
    """

    subject: str
    editions: tuple[tuple[str, ...], ...]
    works: int


class Facets:
    """The facets of one catalogue, cached in memory for one of its versions."""

    def __init__(self, engine: Engine, price_bands: PriceBands) -> None:
        self._engine = engine
        self._price_bands = price_bands
        self._lock = threading.Lock()
        self._version: int | None = None
        self._groups_by_subject: dict[str, list[FacetGroup]] = {}

    def count(
        self, query: Query, version: int, *, priced: bool
    ) -> tuple[int, dict[str, list[Facet]]]:
        """Return the number of works that a query without search words finds, and its facets.

        With `priced`, only editions with a price count.
        """
        groups = self._groups(query.subject or "", version)
        return sum_facets(_priced(groups) if priced else groups, query)

    def _groups(self, subject: str, version: int) -> list[FacetGroup]:
        with self._lock:
            if version != self._version or len(self._groups_by_subject) > MAX_CACHED_SUBJECTS:
                self._version, self._groups_by_subject = version, {}
            groups = self._groups_by_subject.get(subject)
        if groups is None:
            with self._engine.connect() as connection:
                groups = self._count_groups(connection, subject)
            with self._lock:
                if version == self._version:
                    self._groups_by_subject[subject] = groups
        return groups

    def _count_groups(self, connection: Connection, subject: str) -> list[FacetGroup]:
        rows = facet_counts.stored_counts(connection, subject) or [
            row
            for level in (0, 1)
            for row in facet_counts.count_works(connection, self._price_bands, subject, level)
        ]
        return [self._group(*row) for row in rows]

    def _group(self, subject: str, editions: str, works: int) -> FacetGroup:
        values = tuple(
            (format_, language, availability, self._price_bands.name(int(band)))
            for format_, language, availability, band in facet_counts.split_editions(editions)
        )
        return FacetGroup(subject, values, works)


def groups_of_rows(
    connection: Connection, rows: Iterable[Row[Any]], subject: str, price_bands: PriceBands
) -> list[FacetGroup]:
    """Return a group for the work of each row, and others for its subjects below `subject`."""
    rows = list(rows)
    works = {row.book_id: row.work or row.book_id for row in rows}
    editions = {
        row.book_id: (
            row.format,
            row.language,
            availability_facet(row),
            price_bands.name(row.band),
        )
        for row in rows
    }
    children = select(ListingSubject.book_id, ListingSubject.code).where(
        ListingSubject.book_id.in_(list(works)),
        func.length(ListingSubject.code) == len(subject) + 1,
        starts_with(ListingSubject.code, subject),
    )
    by_subject = [(code, book_id) for book_id, code in connection.execute(children)]
    grouped: dict[tuple[str, Any], set[tuple[str, ...]]] = {}
    for code, book_id in (*((subject, book_id) for book_id in works), *by_subject):
        grouped.setdefault((code, works[book_id]), set()).add(editions[book_id])
    return [FacetGroup(code, tuple(values), 1) for (code, _work), values in grouped.items()]


def _priced(groups: Iterable[FacetGroup]) -> Iterator[FacetGroup]:
    """Yield the groups without editions that have no price."""
    for group in groups:
        editions = tuple(values for values in group.editions if values[-1])
        if editions:
            yield FacetGroup(group.subject, editions, group.works)


def sum_facets(groups: Iterable[FacetGroup], query: Query) -> tuple[int, dict[str, list[Facet]]]:
    """Return the number of works in the groups that match a query, and its facets.

    The count of a value considers all filters of the query except the filter of its own facet: a
    customer who has selected one format sees the number of works in the others.
    """
    total = 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("subject", *NAMES)}
    selected = tuple(query.filters.get(name) for name in NAMES)
    for group in groups:
        matches, values = _matching_values(group.editions, selected)
        if group.subject != (query.subject or ""):
            if matches:
                counts["subject"][group.subject] += group.works
            continue
        total += group.works if matches else 0
        for index, value in values:
            counts[NAMES[index]][value] += group.works
    return total, {
        name: [
            Facet(value, works, selected=query.filters.get(name) == value)
            for value, works in counter.most_common()
            if value
        ]
        for name, counter in counts.items()
    }


def _matching_values(
    editions: Iterable[tuple[str, ...]], selected: tuple[str | None, ...]
) -> tuple[bool, set[tuple[int, str]]]:
    """Return True if an edition matches all filters, and the values that would match.

    A value, with its index in NAMES, would match if it replaced the filter of its own facet.
    """
    matches = False
    values: set[tuple[int, str]] = set()
    for edition in editions:
        mismatches = [
            index
            for index, (choice, value) in enumerate(zip(selected, edition, strict=True))
            if choice is not None and choice != value
        ]
        if not mismatches:
            matches = True
            values.update(enumerate(edition))
        elif len(mismatches) == 1:
            values.add((mismatches[0], edition[mismatches[0]]))
    return matches, values
