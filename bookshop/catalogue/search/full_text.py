"""Full-text indexes: FTS5 on SQLite, tsvector with GIN on PostgreSQL.

Both index the same normalised words and answer the same query: which books have, for each word of
the query, that word as one writes it, or a word that starts with it. https://www.sqlite.org/fts5.html,
https://www.postgresql.org/docs/current/textsearch.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Integer, bindparam, column, delete, table, text
from sqlalchemy.engine import Connection

from bookshop.catalogue import labels
from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.search.text_normalization import all_words, is_unspaced, prose_words

MAX_DESCRIPTION_WORDS = 300
MAX_WORD_LENGTH = 60
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Document:
    """The words of a book by field; `book` is its id. `about` has subjects, SKU and publisher."""

    book: int
    title: list[str]
    people: list[str]
    about: list[str]
    text: list[str]


def document(book_id: int, edition: Edition) -> Document:
    """Return the document to index for a book."""
    people = (person.name for person in edition.contributors)
    subjects = (
        f"{subject.code} {subject.heading or labels.subject(subject.code) or ''}"
        for subject in edition.subjects
    )
    return Document(
        book_id,
        title=_words(edition.title, edition.subtitle),
        people=_words(*people, *(series.title for series in edition.series)),
        about=_words(*subjects, edition.sku, edition.publisher, edition.imprint),
        text=_cut(prose_words(_TAG.sub(" ", edition.description), MAX_DESCRIPTION_WORDS)),
    )


def _words(*texts: str | None) -> list[str]:
    return _cut(all_words(" ".join(filter(None, texts))))


def _cut(found: list[str]) -> list[str]:
    return [word[:MAX_WORD_LENGTH] for word in found]


class PrefixMode(StrEnum):
    """Which words of a query match as prefixes; single letters never do."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class TermQuery:
    """The terms that a book must contain, each in one of its ways of writing.

    `terms` are those of `query_terms`; `prefix_mode` says which of them match as prefixes.
    """

    terms: Sequence[Sequence[str]]
    prefix_mode: PrefixMode

    def ways(self) -> list[list[tuple[str, bool]]]:
        """Return the ways of writing each term, with True if a way matches as a prefix."""
        last = self.terms[-1]
        return [
            [(word[:MAX_WORD_LENGTH], self._is_prefix(word, at_end=word in last)) for word in term]
            for term in self.terms
        ]

    def _is_prefix(self, word: str, *, at_end: bool) -> bool:
        if len(word) == 1 and not is_unspaced(word):
            return False
        return self.prefix_mode is PrefixMode.ALL or (
            self.prefix_mode is PrefixMode.LAST and at_end
        )


class FullTextIndex(Protocol):
    """A full-text index of books, written in the caller's transaction."""

    @property
    def table(self) -> Any:
        """The table to join."""

    @property
    def book_id(self) -> Any:
        """The table's column of book ids."""

    def insert(self, connection: Connection, documents: Sequence[Document]) -> None:
        """Add books that are not in the index."""

    def delete(self, connection: Connection, book_ids: Sequence[int]) -> None:
        """Remove books from the index."""

    def matches(self, query: TermQuery) -> ColumnElement[bool]:
        """Return the SQL condition that a book matches a query."""


class Fts5Index:
    """The full-text index of SQLite."""

    table = table("search_index", column("rowid", Integer), column("search_index"))
    book_id = table.c.rowid

    def insert(self, connection: Connection, documents: Sequence[Document]) -> None:
        """Add books that are not in the index."""
        rows = [
            {
                "book": each.book,
                "title": " ".join(each.title),
                "people": " ".join(each.people),
                "about": " ".join(each.about),
                "text": " ".join(each.text),
            }
            for each in documents
        ]
        if rows:
            connection.execute(_FTS5_INSERT, rows)

    def delete(self, connection: Connection, book_ids: Sequence[int]) -> None:
        """Remove books from the index."""
        connection.execute(delete(self.table).where(self.book_id.in_(book_ids)))

    def matches(self, query: TermQuery) -> ColumnElement[bool]:
        """Return the SQL condition that a book matches a query."""
        terms = (
            " OR ".join(f'"{word}"{"*" if is_prefix else ""}' for word, is_prefix in ways)
            for ways in query.ways()
        )
        return self.table.c.search_index.op("MATCH")(" AND ".join(f"({term})" for term in terms))


_FTS5_INSERT = text(
    "INSERT INTO search_index (rowid, title, people, about, text)"
    " VALUES (:book, :title, :people, :about, :text)"
)


class TsVectorIndex:
    """The full-text index of PostgreSQL."""

    table = table("search_index", column("book_id", Integer), column("vector"))
    book_id = table.c.book_id

    def insert(self, connection: Connection, documents: Sequence[Document]) -> None:
        """Add books that are not in the index."""
        rows = [{"book_id": each.book, "vector": _tsvector(each)} for each in documents]
        insert_rows(connection, self.table, rows)

    def delete(self, connection: Connection, book_ids: Sequence[int]) -> None:
        """Remove books from the index."""
        connection.execute(delete(self.table).where(self.book_id.in_(book_ids)))

    def matches(self, query: TermQuery) -> ColumnElement[bool]:
        """Return the SQL condition that a book matches a query."""
        terms = (
            " | ".join(f"'{word}'{':*' if is_prefix else ''}" for word, is_prefix in ways)
            for ways in query.ways()
        )
        return self.table.c.vector.op("@@")(
            text("CAST(:query AS tsquery)").bindparams(
                bindparam("query", " & ".join(f"({term})" for term in terms), unique=True)
            )
        )


def _tsvector(book: Document) -> str:
    """Return the literal of a tsvector: each word with its positions and weights."""
    positions: dict[str, list[str]] = {}
    position = 0
    fields = ((book.title, "A"), (book.people, "B"), (book.about, "C"), (book.text, "D"))
    for field, weight in fields:
        for word in field:
            position += 1
            positions.setdefault(word, []).append(f"{position}{weight}")
    return " ".join(f"'{word}':{','.join(places)}" for word, places in positions.items())


def full_text_index(dialect: str) -> FullTextIndex:
    """Return the full-text index of a database, by the name of its SQLAlchemy dialect."""
    return TsVectorIndex() if dialect == "postgresql" else Fts5Index()
