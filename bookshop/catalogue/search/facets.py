"""Facets: the values by which a list can be filtered, with the number of books for each.

Books are counted as groups of equal properties, once for each version of the catalogue, and the
groups are summed up for each list. Groups of a large catalogue come from `facet_counts`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Engine

from bookshop.catalogue.search import facet_counts
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.catalogue.search.query import Query

MAX_CACHED_SUBJECTS = 64
NAMES = ("format", "language", "availability", "price")


@dataclass(frozen=True)
class Facet:
    """A value to filter by and the number of books that have it; `selected` if it is in use."""

    value: str
    count: int
    selected: bool


@dataclass(frozen=True)
class FacetGroup:
    """A number of books with equal properties.

    `values` are in the order of NAMES. `subject` is empty for books of any subject.
    """

    subject: str
    values: tuple[str, ...]
    books: int


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
        """Return the number of books that a query without search words finds, and its facets.

        With `priced`, only books with a price count.
        """
        groups = self._groups(query.subject or "", version)
        return sum_facets((group for group in groups if group.values[-1] or not priced), query)

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
            for row in facet_counts.count_books(connection, self._price_bands, subject, level)
        ]
        return [self._group(row) for row in rows]

    def _group(self, row: Any) -> FacetGroup:
        subject, format_, language, availability, band, books = row
        price = self._price_bands.name(band)
        return FacetGroup(subject, (format_, language, availability, price), books)


def sum_facets(groups: Iterable[FacetGroup], query: Query) -> tuple[int, dict[str, list[Facet]]]:
    """Return the number of books in the groups that match a query, and its facets.

    The count of a value considers all filters of the query except the filter of its own facet: a
    customer who has selected one format sees the number of books in the others.
    """
    total = 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("subject", *NAMES)}
    selected = tuple(query.filters.get(name) for name in NAMES)
    for group in groups:
        mismatches = [
            index
            for index, (choice, value) in enumerate(zip(selected, group.values, strict=True))
            if choice is not None and choice != value
        ]
        if group.subject != (query.subject or ""):
            if not mismatches:
                counts["subject"][group.subject] += group.books
            continue
        if not mismatches:
            total += group.books
        for index, name in enumerate(NAMES):
            if not mismatches or mismatches == [index]:
                counts[name][group.values[index]] += group.books
    return total, {
        name: [
            Facet(value, books, selected=query.filters.get(name) == value)
            for value, books in counter.most_common()
            if value
        ]
        for name, counter in counts.items()
    }
