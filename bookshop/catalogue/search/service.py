"""Finding books: lists page by page, and what somebody has typed.

A list costs the same on every page and with any number of books: a page begins beside a book, and
the databases' indexes have the orders that lists may have. A search looks at the newest books that
match, MOST of them, and has the best of them first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import exists, func, literal, select, tuple_
from sqlalchemy.engine import Connection, Engine, Row
from stdnum import isbn as isbn_number

from bookshop.catalogue.models import BookRecord, ListingRecord, ListingSubject
from bookshop.catalogue.pricing import Code, SalesContext, State, availability
from bookshop.catalogue.queries import FREE, Listing, listed, listing_of
from bookshop.catalogue.search import facets as counting
from bookshop.catalogue.search.cursor import Cursor, CursorError
from bookshop.catalogue.search.facets import Bands, Facet, Facets, Group
from bookshop.catalogue.search.full_text import PrefixMode, TermQuery, engine_of
from bookshop.catalogue.search.models import begins
from bookshop.catalogue.search.query import Query, Sort
from bookshop.catalogue.search.spelling import mended
from bookshop.catalogue.search.text_normalization import words

MOST = 200  # books that a search looks at
ENOUGH = 24  # books that have the very words: what others only begin with is not asked for
FEW = 2_000  # books that are sorted rather than looked for in the order of the list


@dataclass(frozen=True)
class Results:
    """A page of what was found.

    There are `total` books, or more where that is not `exact`. `corrected` are the words that were
    searched instead of misspelt ones. Cursors are None where no page is.
    """

    listings: list[Listing]
    total: int
    exact: bool
    facets: dict[str, list[Facet]]
    previous: Cursor | None
    next: Cursor | None
    corrected: str | None = None


_LISTED = listed(ListingRecord.sort_title)


class SearchService:
    """The lists of one shop, on its terms."""

    def __init__(self, engine: Engine, terms: SalesContext) -> None:
        self._engine = engine
        self._currency = terms.currency
        self._index = engine_of(engine.dialect.name)
        self.bands = Bands(terms.currency)
        self._facets = Facets(engine, self.bands)
        self._found = listed(
            ListingRecord.sort_title, self.bands.number(ListingRecord.amount).label("band")
        )

    def named(self, q: str) -> str | None:
        """The SKU of the one book that `q` names by an ISBN in any form, or by its SKU."""
        typed = q.strip()
        number = typed.upper().removeprefix("ISBN").strip(" :-")
        found = [typed, typed.upper()]
        if isbn_number.is_valid(number):
            found.append(isbn_number.validate(number, convert=True))
        # By the books' own index of SKUs; whether it is listed is one row more.
        wanted = (
            select(BookRecord.sku)
            .join(ListingRecord, ListingRecord.book_id == BookRecord.id)
            .where(BookRecord.sku.in_(found))
            .limit(1)
        )
        with self._engine.connect() as connection:
            return connection.scalar(wanted) if typed and "\0" not in typed else None

    def find(self, query: Query, cursor: Cursor | None, size: int, version: int) -> Results:
        """A page of `size` books beside `cursor`, of a catalogue of that version.

        Raises CursorError where the cursor is none of such a list.
        """
        if query.words:
            return self._search(query, cursor, size)
        total, narrowing = self._facets.of(query, version, priced=query.sort in _PRICED)
        listings, previous, following = self._page(query, cursor, size, total)
        return Results(
            listings=listings,
            total=total,
            exact=True,
            facets=narrowing,
            previous=previous,
            next=following,
        )

    def _page(
        self, query: Query, cursor: Cursor | None, size: int, total: int
    ) -> tuple[list[Listing], Cursor | None, Cursor | None]:
        """A page of a list without words, and the places before and after it."""
        key, falling = _SORTS[query.sort]
        backwards = cursor is not None and cursor.before
        conditions = self._conditions(query)
        if conditions and total <= FEW:
            # Found first and sorted then, whatever the planner would think of it.
            some = select(ListingRecord.book_id).join(
                BookRecord, BookRecord.id == ListingRecord.book_id
            )
            few = some.where(*conditions).cte("few").prefix_with("MATERIALIZED")
            wanted = _LISTED.join(few, few.c.book_id == ListingRecord.book_id)
        else:
            wanted = _LISTED.where(*conditions)
        if cursor is not None:
            wanted = wanted.where(_beyond(query.sort, cursor, rising=falling == backwards))
        down = falling != backwards
        order = (each.desc() if down else each.asc() for each in (key, ListingRecord.book_id))
        with self._engine.connect() as connection:
            rows = list(connection.execute(wanted.order_by(*order).limit(size + 1)))
        more = len(rows) > size
        rows = rows[:size]
        if backwards:
            rows.reverse()
        before, after = (more, True) if backwards else (cursor is not None, more)
        return (
            [listing_of(row, self._currency) for row in rows],
            _place(rows[0], query.sort, before=True) if before and rows else None,
            _place(rows[-1], query.sort, before=False) if after and rows else None,
        )

    def _conditions(self, query: Query) -> list[Any]:
        """What the filters of a query ask of a listing."""
        found: list[Any] = []
        if query.format:
            found.append(ListingRecord.format == query.format)
        if query.language:
            found.append(ListingRecord.language == query.language)
        if query.availability:
            state = State.BUY if query.availability == "available" else State.PREORDER
            found += [ListingRecord.state == state.value, FREE]
        if query.price:
            found.append(self.bands.within(query.price, ListingRecord.amount))
        if query.subject:
            about = ListingSubject.book_id == ListingRecord.book_id
            found.append(exists().where(about, ListingSubject.code == query.subject))
        if query.sort in _PRICED:
            found.append(ListingRecord.amount.is_not(None))
        return found

    def _search(self, query: Query, cursor: Cursor | None, size: int) -> Results:
        asked, corrected = query.words, None
        with self._engine.connect() as connection:
            rows, exact = self._matching(connection, query, asked)
            if not rows and (better := mended(connection, asked)):
                rows, exact = self._matching(connection, query, better)
                if rows:
                    asked, corrected = tuple(better), " ".join(better)
            groups = self._groups(connection, rows, query)
        total, narrowing = counting.add_up(groups, query)
        ranked = _ranked(rows, query.sort, asked)
        start = _start(ranked, cursor, size)
        page = ranked[start : start + size]
        return Results(
            listings=[listing_of(row, self._currency) for row in page],
            total=total,
            exact=exact,
            facets=narrowing,
            previous=Cursor(None, page[0].book_id, before=True) if page and start else None,
            next=Cursor(None, page[-1].book_id) if start + size < len(ranked) else None,
            corrected=corrected,
        )

    def _matching(
        self, connection: Connection, query: Query, asked: Sequence[str]
    ) -> tuple[list[Row[Any]], bool]:
        """The books that match, the newest MOST of them, and whether these are all.

        Where they are not, those whose title begins with the words come before them.
        """
        rows: list[Row[Any]] = []
        for begun in PrefixMode:
            rows = self._newest(connection, query, TermQuery(asked, begun))
            # Whole words first, and the beginnings of others only where these are few: common ones
            # begin more than the databases can look at while somebody waits.
            if len(rows) >= (ENOUGH if begun is PrefixMode.NONE else 1):
                break
        if len(rows) <= MOST:
            return rows, True
        titled = self._found.where(
            begins(ListingRecord.sort_title, " ".join(words(query.q))), *self._conditions(query)
        )
        best = connection.execute(titled.order_by(ListingRecord.sort_title).limit(MOST))
        return list({row.book_id: row for row in (*best, *rows)}.values())[:MOST], False

    def _newest(self, connection: Connection, query: Query, wanted: TermQuery) -> list[Row[Any]]:
        statement = (
            self._found.join(self._index.index, self._index.book == ListingRecord.book_id)
            .where(self._index.matches(wanted), *self._conditions(query))
            .order_by(self._index.book.desc())
            .limit(MOST + 1)
        )
        return list(connection.execute(statement))

    def _groups(
        self, connection: Connection, rows: Sequence[Row[Any]], query: Query
    ) -> list[Group]:
        """Each book as a group of its own, once for each subject that narrows the query."""
        above = query.subject or ""
        groups = {
            row.book_id: Group(
                above, (row.format, row.language, _sold(row), self.bands.name(row.band)), 1
            )
            for row in rows
        }
        wanted = select(ListingSubject.book_id, ListingSubject.code).where(
            ListingSubject.book_id.in_(list(groups)),
            func.length(ListingSubject.code) == len(above) + 1,
            begins(ListingSubject.code, above),
        )
        about = [Group(code, groups[book].values, 1) for book, code in connection.execute(wanted)]
        return [*groups.values(), *about]


_SORTS: dict[Sort, tuple[Any, bool]] = {
    Sort.TITLE: (ListingRecord.sort_title, False),
    Sort.NEWEST: (ListingRecord.published, True),
    Sort.PRICE: (ListingRecord.amount, False),
    Sort.DEAREST: (ListingRecord.amount, True),
}
_PRICED = {Sort.PRICE, Sort.DEAREST}


def _beyond(sort: Sort, cursor: Cursor, *, rising: bool) -> Any:
    """Whether a book comes after the cursor's, where keys rise or fall."""
    key = _SORTS[sort][0]
    value = _value(sort, cursor)
    pair, place = tuple_(key, ListingRecord.book_id), tuple_(value, cursor.book)
    return pair > place if rising else pair < place


def _value(sort: Sort, cursor: Cursor) -> Any:
    """The key of a cursor, as the list's column has it. Raises CursorError."""
    kind = int if sort in _PRICED else str
    if not isinstance(cursor.key, kind):
        raise CursorError(str(cursor))
    if sort is not Sort.NEWEST:
        return literal(cursor.key)
    try:
        return literal(date.fromisoformat(str(cursor.key)))
    except ValueError as err:
        raise CursorError(str(cursor)) from err


def _place(row: Row[Any], sort: Sort, *, before: bool) -> Cursor:
    keys = {Sort.TITLE: row.sort_title, Sort.NEWEST: row.published.isoformat()}
    return Cursor(keys.get(sort, row.amount), row.book_id, before)


def _sold(row: Row[Any]) -> str:
    """As what a book counts in the facet of availability."""
    code = availability(State(row.state), row.free).code
    if code in {Code.AVAILABLE, Code.FEW}:
        return "available"
    return "preorder" if code is Code.PREORDER else ""


def _ranked(rows: list[Row[Any]], sort: Sort, asked: Sequence[str]) -> list[Row[Any]]:
    """The books in the order that is asked for, equals the newest first."""
    newest = sorted(rows, key=lambda row: (row.published, row.book_id), reverse=True)
    if sort is Sort.RELEVANCE:
        return sorted(newest, key=lambda row: (_rank(row, asked), not _sold(row)))
    if sort is Sort.TITLE:
        return sorted(newest, key=lambda row: (row.sort_title, row.book_id))
    if sort is Sort.NEWEST:
        return newest
    sign = -1 if sort is Sort.DEAREST else 1
    return sorted(newest, key=lambda row: sign * (row.amount or 0))


def _rank(row: Row[Any], asked: Sequence[str]) -> int:
    """How well a book fits: 0 is its very title, and less well the larger."""
    title = row.sort_title.split()
    if all(word in title for word in asked):
        at_once = title[: len(asked)] == list(asked)
        return (0 if len(title) == len(asked) else 1) if at_once else 2
    names = [*title, *words(row.byline), *words(row.subtitle or "")]
    if all(word in names for word in asked):
        return 3
    return 4 if all(any(name.startswith(word) for name in names) for word in asked) else 5


def _start(ranked: Sequence[Row[Any]], cursor: Cursor | None, size: int) -> int:
    """Where the page beside a cursor begins; where its book is gone, at the beginning."""
    if cursor is None:
        return 0
    places = (place for place, row in enumerate(ranked) if row.book_id == cursor.book)
    at = next(places, None)
    if at is None:
        return 0
    return max(0, at - size) if cursor.before else at + 1
