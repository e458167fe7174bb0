"""The query of a list: search text, filters and sort order, parsed from and written to a URL."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bookshop.catalogue.forms import Format
from bookshop.catalogue.search.text_normalization import digraph_spellings, query_terms, words

MAX_WORDS = 12
MAX_LENGTH = 200  # characters of a search text
FILTERS = ("subject", "format", "language", "availability", "price")
PARAMETERS = ("q", *FILTERS, "sort", "page")
AVAILABILITIES = ("available", "preorder")
_PATTERNS = {
    "subject": re.compile(r"[A-Z][A-Z0-9]{0,9}"),
    "language": re.compile(r"[a-z]{3}"),
}


class Sort(StrEnum):
    """The sort orders of a list."""

    RELEVANCE = "relevance"
    TITLE = "title"
    NEWEST = "newest"
    PRICE = "price"
    PRICE_DESCENDING = "-price"


class QueryError(ValueError):
    """A parameter of the URL has a value that no list has."""


@dataclass(frozen=True)
class Query:
    """A query of a list. `price` is the name of a price band, such as 10-20 or 50-."""

    q: str = ""
    subject: str | None = None
    format: str | None = None
    language: str | None = None
    availability: str | None = None
    price: str | None = None
    sort: Sort = Sort.TITLE

    @property
    def words(self) -> tuple[str, ...]:
        """The distinct normalised words of the search text, at most MAX_WORDS."""
        return tuple(dict.fromkeys(words(self.q)))[:MAX_WORDS]

    @property
    def terms(self) -> list[list[str]]:
        """The ways of writing each word."""
        return query_terms(self.words, digraph_spellings(self.q))

    @property
    def filters(self) -> dict[str, str]:
        """The filters that are set."""
        values = ((name, getattr(self, name)) for name in FILTERS)
        return {name: value for name, value in values if value is not None}

    def with_(self, **changes: Any) -> Query:
        """Return a copy with `changes`; None removes a filter."""
        return replace(self, **changes)

    def parameters(self) -> dict[str, str]:
        """Return the URL's parameters in canonical order, without defaults."""
        parameters = {"q": self.q} if self.q else {}
        parameters |= self.filters
        if self.sort is not default_sort(self.q):
            parameters["sort"] = self.sort.value
        return parameters


def parse_query(parameters: Mapping[str, str], price_bands: Collection[str]) -> Query:
    """Return the query of a URL's parameters. Raises QueryError for an unknown value.

    `price_bands` are the names of the shop's price bands.
    """
    q = " ".join(parameters.get("q", "").replace("\0", " ").split())[:MAX_LENGTH]
    fields: dict[str, Any] = {"q": q}
    for name in FILTERS:
        value = parameters.get(name)
        if value:
            if not _is_valid(name, value, price_bands):
                raise QueryError(f"{name}={value}")
            fields[name] = value
    try:
        fields["sort"] = Sort(parameters.get("sort") or default_sort(q))
    except ValueError as err:
        raise QueryError(f"sort={parameters['sort']}") from err
    if fields["sort"] is Sort.RELEVANCE:
        fields["sort"] = default_sort(q)  # without a search text there is no relevance
    return Query(**fields)


def default_sort(q: str) -> Sort:
    """Return the sort order of a list whose URL names none."""
    return Sort.RELEVANCE if words(q) else Sort.TITLE


def _is_valid(name: str, value: str, price_bands: Collection[str]) -> bool:
    if name in _PATTERNS:
        return _PATTERNS[name].fullmatch(value) is not None
    allowed: dict[str, Collection[str]] = {
        "format": list(Format),
        "availability": AVAILABILITIES,
        "price": price_bands,
    }
    return value in allowed[name]
