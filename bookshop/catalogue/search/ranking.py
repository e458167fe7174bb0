"""Ranking of search results by relevance and other sort orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy.engine import Row

from bookshop.catalogue.search.query import Sort
from bookshop.catalogue.search.text_normalization import all_words, words
from bookshop.catalogue.terms.availability import AvailabilityCode, SaleState, availability_of

#: The ways of writing each word of a query: those of `query_terms`.
Terms = Sequence[Sequence[str]]


def ranked_works(rows: list[Row[Any]], sort: Sort, terms: Terms) -> list[Row[Any]]:
    """Return the row that represents each work, in the sort order.

    The first edition of a work represents it; the cheapest where lists sort by price.
    """
    relevance = (
        {row.book_id: (_relevance(row, terms), not availability_facet(row)) for row in rows}
        if sort is Sort.RELEVANCE
        else {}
    )
    representing: dict[Any, Row[Any]] = {}
    choice = Sort.PRICE if sort is Sort.PRICE_DESCENDING else sort
    for row in _ranked(rows, choice, relevance):
        representing.setdefault(row.work or row.book_id, row)
    return _ranked(list(representing.values()), sort, relevance)


def _ranked(rows: list[Row[Any]], sort: Sort, relevance: Mapping[int, Any]) -> list[Row[Any]]:
    """Return the rows in the sort order; of equal ones the newest first."""
    newest = sorted(rows, key=lambda row: (row.published, row.book_id), reverse=True)
    if sort is Sort.RELEVANCE:
        return sorted(newest, key=lambda row: (relevance[row.book_id], not availability_facet(row)))
    if sort is Sort.TITLE:
        return sorted(newest, key=lambda row: (row.sort_title, row.book_id))
    if sort is Sort.NEWEST:
        return newest
    sign = -1 if sort is Sort.PRICE_DESCENDING else 1
    return sorted(newest, key=lambda row: sign * (row.amount or 0))


def availability_facet(row: Row[Any]) -> str:
    """Return the row's value of the availability facet; empty if the book cannot be bought."""
    code = availability_of(SaleState(row.state), row.free).code
    if code in {AvailabilityCode.IN_STOCK, AvailabilityCode.LOW_STOCK}:
        return "available"
    return "preorder" if code is AvailabilityCode.PREORDER else ""


def _relevance(row: Row[Any], terms: Terms) -> int:
    """Return the rank of a match, from 0 for a title equal to the query to 5 for the weakest."""
    names = _names(row.title)
    if all(not names.isdisjoint(term) for term in terms):
        title = words(row.title)
        typed = [term[0] for term in terms]
        if "".join(title) == "".join(typed):
            return 0
        return 1 if title[: len(typed)] == typed else 2
    names = names.union(_names(row.byline), _names(row.subtitle or ""))
    if all(not names.isdisjoint(term) for term in terms):
        return 3
    prefixes = all(any(name.startswith(tuple(term)) for name in names) for term in terms)
    return 4 if prefixes else 5


@lru_cache(maxsize=4096)  # the same books match most searches
def _names(text: str) -> frozenset[str]:
    return frozenset(all_words(text))
