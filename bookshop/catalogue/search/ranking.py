"""Ranking of search results by relevance and other sort orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Row

from bookshop.catalogue.pricing import AvailabilityCode, SaleState, availability_of
from bookshop.catalogue.search.query import Sort
from bookshop.catalogue.search.text_normalization import words


def ranked(rows: list[Row[Any]], sort: Sort, query_words: Sequence[str]) -> list[Row[Any]]:
    """Return the rows in the sort order; of equal ones the newest first."""
    newest = sorted(rows, key=lambda row: (row.published, row.book_id), reverse=True)
    if sort is Sort.RELEVANCE:
        return sorted(
            newest, key=lambda row: (_relevance(row, query_words), not availability_facet(row))
        )
    if sort is Sort.TITLE:
        return sorted(newest, key=lambda row: (row.sort_title, row.book_id))
    if sort is Sort.NEWEST:
        return newest
    sign = -1 if sort is Sort.PRICE_DESCENDING else 1
    return sorted(newest, key=lambda row: sign * (row.amount or 0))


def ranked_works(rows: list[Row[Any]], sort: Sort, query_words: Sequence[str]) -> list[Row[Any]]:
    """Return the row that represents each work, in the sort order.

    The first edition of a work represents it; the cheapest where lists sort by price.
    """
    representing: dict[Any, Row[Any]] = {}
    choice = Sort.PRICE if sort is Sort.PRICE_DESCENDING else sort
    for row in ranked(rows, choice, query_words):
        representing.setdefault(row.work or row.book_id, row)
    return ranked(list(representing.values()), sort, query_words)


def availability_facet(row: Row[Any]) -> str:
    """Return the row's value of the availability facet; empty if the book cannot be bought."""
    code = availability_of(SaleState(row.state), row.free).code
    if code in {AvailabilityCode.IN_STOCK, AvailabilityCode.LOW_STOCK}:
        return "available"
    return "preorder" if code is AvailabilityCode.PREORDER else ""


def _relevance(row: Row[Any], query_words: Sequence[str]) -> int:
    """Return the rank of a match, from 0 for a title equal to the query to 5 for the weakest."""
    title = row.sort_title.split()
    if all(word in title for word in query_words):
        if title[: len(query_words)] != list(query_words):
            return 2
        return 0 if len(title) == len(query_words) else 1
    names = [*title, *words(row.byline), *words(row.subtitle or "")]
    if all(word in names for word in query_words):
        return 3
    prefixes = all(any(name.startswith(word) for name in names) for word in query_words)
    return 4 if prefixes else 5
