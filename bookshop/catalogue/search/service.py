"""The search service: lists page by page, full-text search, and lookup by ISBN or SKU.

The cost of a page depends neither on its position nor on the number of books: a page starts at a
cursor, and the database has an index for each sort order. A search considers the newest MAX_MATCHES
books that match, and sorts these by relevance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Engine, Row

from bookshop.catalogue.isbn import read_isbn
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.search.cursor import Cursor
from bookshop.catalogue.search.facets import Facet, Facets, groups_of_rows, sum_facets
from bookshop.catalogue.search.filters import filter_conditions
from bookshop.catalogue.search.full_text import PrefixMode, TermQuery, full_text_index
from bookshop.catalogue.search.models import starts_with
from bookshop.catalogue.search.pagination import PRICED, SORT_KEYS, beyond, cursor_at
from bookshop.catalogue.search.price_bands import PriceBands
from bookshop.catalogue.search.query import Query, Sort
from bookshop.catalogue.search.ranking import Terms, ranked_works
from bookshop.catalogue.search.spelling import correct_spelling
from bookshop.catalogue.search.text_normalization import query_terms, words
from bookshop.catalogue.works.grouping import (
    Conditions,
    Work,
    group_formats,
    represents_work,
    select_formats,
    with_formats,
)
from bookshop.catalogue.works.listing import Listing, listing_from_row, select_listings

MAX_MATCHES = 200  # books that a search considers
ENOUGH_MATCHES = 24  # matches of whole words, from which on prefixes are not searched
FILTER_FIRST_UP_TO = 2_000  # books of a list that is filtered first and sorted afterwards


@dataclass(frozen=True)
class Results:
    """A page of a list of works.

    The list has `total` works, or more if `exact` is false. `corrected` is the corrected search
    text, if the original found nothing. `previous` and `next` are None where there is no page.
    """

    works: list[Work]
    total: int
    exact: bool
    facets: dict[str, list[Facet]]
    previous: Cursor | None
    next: Cursor | None
    corrected: str | None = None


_LISTED = select_listings(ListingRecord.sort_title)


class SearchService:
    """The lists and searches of one shop, in its sales context."""

    def __init__(self, engine: Engine, sales_context: SalesContext) -> None:
        self._engine = engine
        self._currency = sales_context.currency
        self._index = full_text_index(engine.dialect.name)
        self.price_bands = PriceBands(sales_context.currency)
        self._facets = Facets(engine, self.price_bands)
        self._matches = select_listings(
            ListingRecord.sort_title,
            self.price_bands.index_of(ListingRecord.amount).label("band"),
        )

    def sku_of(self, q: str) -> str | None:
        """Return the SKU of the listed book whose ISBN, in any form, or SKU is `q`; or None."""
        text = q.strip()
        skus = list(filter(None, (text, text.upper(), read_isbn(text))))
        # Joined from books, as only these have an index of SKUs.
        statement = (
            select(BookRecord.sku)
            .join(ListingRecord, ListingRecord.book_id == BookRecord.id)
            .where(BookRecord.sku.in_(skus))
            .limit(1)
        )
        with self._engine.connect() as connection:
            return connection.scalar(statement) if text and "\0" not in text else None

    def find(self, query: Query, cursor: Cursor | None, size: int, version: int) -> Results:
        """Return the page of at most `size` books at `cursor`; `version` is the catalogue's.

        Raises CursorError if the cursor is of a list with another sort order.
        """
        if query.words:
            return self._search(query, cursor, size)
        total, facets = self._facets.count(query, version, priced=query.sort in PRICED)
        works, previous, following = self._page(query, cursor, size, total)
        return Results(
            works=works,
            total=total,
            exact=True,
            facets=facets,
            previous=previous,
            next=following,
        )

    def _page(
        self, query: Query, cursor: Cursor | None, size: int, total: int
    ) -> tuple[list[Work], Cursor | None, Cursor | None]:
        """Return a page of a list of `total` works, and the cursors of the pages around it."""
        column, list_descending = SORT_KEYS[query.sort]
        backwards = cursor is not None and cursor.before
        descending = list_descending != backwards
        statement = self._list_statement(query, total)
        if cursor is not None:
            statement = statement.where(beyond(query.sort, cursor, ascending=not descending))
        keys = (column, ListingRecord.book_id)
        order = (key.desc() if descending else key.asc() for key in keys)
        with self._engine.connect() as connection:
            rows = list(connection.execute(statement.order_by(*order).limit(size + 1)))
            more = len(rows) > size
            rows = rows[:size]
            if backwards:
                rows.reverse()
            works = with_formats(
                connection,
                self._listings(rows),
                select_formats(self._conditions(query)),
                self._currency,
            )
        has_previous, has_next = (more, True) if backwards else (cursor is not None, more)
        return (
            works,
            cursor_at(rows[0], query.sort, before=True) if has_previous and rows else None,
            cursor_at(rows[-1], query.sort, before=False) if has_next and rows else None,
        )

    def _conditions(self, query: Query) -> Conditions:
        return lambda listing, book: filter_conditions(query, self.price_bands, listing, book)

    def _list_statement(self, query: Query, total: int) -> Any:
        """Return the unsorted SELECT of a list of `total` works."""
        conditions = filter_conditions(query, self.price_bands)
        # Of a work, the newest, the cheapest or the first by title represents it.
        key, newest_first = SORT_KEYS[query.sort][0], query.sort is Sort.NEWEST
        listed = _LISTED.where(
            represents_work(key, descending=newest_first, conditions=self._conditions(query))
        )
        if not conditions or total > FILTER_FIRST_UP_TO:
            return listed.where(*conditions)
        # Materialised, so that the planner filters first and sorts the few books afterwards.
        filtered = (
            select(ListingRecord.book_id)
            .join(BookRecord, BookRecord.id == ListingRecord.book_id)
            .where(*conditions)
            .cte("filtered")
            .prefix_with("MATERIALIZED")
        )
        return listed.join(filtered, filtered.c.book_id == ListingRecord.book_id)

    def _search(self, query: Query, cursor: Cursor | None, size: int) -> Results:
        terms, corrected = query.terms, None
        with self._engine.connect() as connection:
            rows, exact = self._matching(connection, query, terms)
            if not rows and (corrected_words := correct_spelling(connection, query.words)):
                corrected_terms = query_terms(corrected_words, {})
                rows, exact = self._matching(connection, query, corrected_terms)
                if rows:
                    terms, corrected = corrected_terms, " ".join(corrected_words)
            groups = groups_of_rows(connection, rows, query.subject or "", self.price_bands)
        total, facets = sum_facets(groups, query)
        results = ranked_works(rows, query.sort, terms)
        start = _start_of_page(results, cursor, size)
        page = results[start : start + size]
        return Results(
            works=group_formats(self._listings(page), self._listings(rows)),
            total=total,
            exact=exact,
            facets=facets,
            previous=Cursor(None, page[0].book_id, before=True) if page and start else None,
            next=Cursor(None, page[-1].book_id) if start + size < len(results) else None,
            corrected=corrected,
        )

    def _matching(
        self, connection: Connection, query: Query, terms: Terms
    ) -> tuple[list[Row[Any]], bool]:
        """Return the newest books that match, at most MAX_MATCHES, and True if these are all.

        If there are more, books whose title starts with the search text come before the newest.
        """
        rows: list[Row[Any]] = []
        for prefix_mode in PrefixMode:
            rows = self._newest_matches(connection, query, TermQuery(terms, prefix_mode))
            # Whole words first: a common prefix matches more words than can be read during a
            # request, so prefixes are searched only if whole words match few books.
            if len(rows) >= (ENOUGH_MATCHES if prefix_mode is PrefixMode.NONE else 1):
                break
        if len(rows) <= MAX_MATCHES:
            return rows, True
        by_title = self._matches.where(
            starts_with(ListingRecord.sort_title, " ".join(words(query.q))),
            *filter_conditions(query, self.price_bands),
        ).order_by(ListingRecord.sort_title)
        best = connection.execute(by_title.limit(MAX_MATCHES))
        return list({row.book_id: row for row in (*best, *rows)}.values())[:MAX_MATCHES], False

    def _newest_matches(
        self, connection: Connection, query: Query, term_query: TermQuery
    ) -> list[Row[Any]]:
        statement = (
            self._matches.join(self._index.table, self._index.book_id == ListingRecord.book_id)
            .where(self._index.matches(term_query), *filter_conditions(query, self.price_bands))
            .order_by(self._index.book_id.desc())
            .limit(MAX_MATCHES + 1)
        )
        return list(connection.execute(statement))

    def _listings(self, rows: Iterable[Row[Any]]) -> list[Listing]:
        return [listing_from_row(row, self._currency) for row in rows]


def _start_of_page(results: Sequence[Row[Any]], cursor: Cursor | None, size: int) -> int:
    """Return the index at which the cursor's page starts; 0 if its book is not in the results."""
    if cursor is None:
        return 0
    indexes = (index for index, row in enumerate(results) if row.book_id == cursor.book)
    index = next(indexes, None)
    if index is None:
        return 0
    return max(0, index - size) if cursor.before else index + 1
