"""What a visitor asks of the list: read from the address, and written back into one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from bookshop.catalogue.forms import Format
from bookshop.catalogue.search.text_normalization import words

MOST_WORDS = 12
MOST_LETTERS = 200
FILTERS = ("subject", "format", "language", "availability", "price")
PARAMETERS = ("q", *FILTERS, "sort", "page")
AVAILABILITIES = ("available", "preorder")
_WRITTEN = {
    "subject": re.compile(r"[A-Z][A-Z0-9]{0,9}"),
    "language": re.compile(r"[a-z]{3}"),
}


class Sort(StrEnum):
    """The orders that a list may have."""

    RELEVANCE = "relevance"
    TITLE = "title"
    NEWEST = "newest"
    PRICE = "price"
    DEAREST = "-price"


class QueryError(ValueError):
    """The address asks for something that no list has."""


@dataclass(frozen=True)
class Query:
    """What is asked for. `price` is a band of whole units of the currency, such as 10-20 or 50-."""

    q: str = ""
    subject: str | None = None
    format: str | None = None
    language: str | None = None
    availability: str | None = None
    price: str | None = None
    sort: Sort = Sort.TITLE

    @property
    def words(self) -> tuple[str, ...]:
        """The folded words of the text, each once."""
        return tuple(dict.fromkeys(words(self.q)))[:MOST_WORDS]

    @property
    def filters(self) -> dict[str, str]:
        """What the list is narrowed by."""
        named = ((name, getattr(self, name)) for name in FILTERS)
        return {name: value for name, value in named if value is not None}

    def with_(self, **changes: Any) -> Query:
        """The same but for `changes`; None takes a filter away."""
        return replace(self, **changes)

    def parameters(self) -> dict[str, str]:
        """What stands in the address: the same for the same query, without what goes unsaid."""
        found = {"q": self.q} if self.q else {}
        found |= self.filters
        if self.sort is not default_sort(self.q):
            found["sort"] = self.sort.value
        return found


def read(parameters: Mapping[str, str], bands: Collection[str]) -> Query:
    """The query of an address. Raises QueryError for a value that no list has.

    `bands` are the bands of prices that the shop has.
    """
    q = " ".join(parameters.get("q", "").replace("\0", " ").split())[:MOST_LETTERS]
    found: dict[str, Any] = {"q": q}
    for name in FILTERS:
        value = parameters.get(name)
        if value:
            if not _fits(name, value, bands):
                raise QueryError(f"{name}={value}")
            found[name] = value
    try:
        found["sort"] = Sort(parameters.get("sort") or default_sort(q))
    except ValueError as err:
        raise QueryError(f"sort={parameters['sort']}") from err
    if found["sort"] is Sort.RELEVANCE:
        found["sort"] = default_sort(q)  # without words nothing is more relevant
    return Query(**found)


def default_sort(q: str) -> Sort:
    """The order of a list of which nobody has said one."""
    return Sort.RELEVANCE if words(q) else Sort.TITLE


def _fits(name: str, value: str, bands: Collection[str]) -> bool:
    if name in _WRITTEN:
        return _WRITTEN[name].fullmatch(value) is not None
    known: dict[str, Collection[str]] = {
        "format": list(Format),
        "availability": AVAILABILITIES,
        "price": bands,
    }
    return value in known[name]
