"""The databases' own full-text search: FTS5 on SQLite, tsvector with GIN on PostgreSQL.

Both are given the same folded words, and asked the same: in which books does every word of the
query begin a word. https://www.sqlite.org/fts5.html,
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

from bookshop.catalogue import labels as trade
from bookshop.catalogue.bulk_insert import insert_rows
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.search.text_normalization import words

MOST_WORDS = 300  # of a description
LONGEST = 60  # letters of a word
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Document:
    """A book's words: of its title, of who made it, of what it is about, of its description."""

    book: int
    title: list[str]
    people: list[str]
    about: list[str]
    text: list[str]


def document(book: int, edition: Edition) -> Document:
    """What the index is given of a book."""
    people = (person.name for person in edition.contributors)
    subjects = (
        f"{subject.code} {subject.heading or trade.subject(subject.code) or ''}"
        for subject in edition.subjects
    )
    houses = (edition.sku, edition.publisher, edition.imprint)
    return Document(
        book,
        _words(edition.title, edition.subtitle),
        _words(*people, *(series.title for series in edition.series)),
        _words(*subjects, *houses),
        _words(_TAG.sub(" ", edition.description))[:MOST_WORDS],
    )


def _words(*texts: str | None) -> list[str]:
    return [word[:LONGEST] for word in words(" ".join(filter(None, texts)))]


class PrefixMode(StrEnum):
    """Which words of a query may be the beginnings of words, but for lone letters."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class TermQuery:
    """The words that a book is to have."""

    words: Sequence[str]
    begun: PrefixMode

    def marked(self) -> list[tuple[str, bool]]:
        """Each word, and whether it may be the beginning of one."""
        last = len(self.words) - 1
        return [
            (
                word,
                len(word) > 1
                and self.begun in {PrefixMode.ALL, PrefixMode.LAST if at == last else None},
            )
            for at, word in enumerate(self.words)
        ]


class Engine(Protocol):
    """A full-text index of books, written in the caller's transaction."""

    @property
    def index(self) -> Any:
        """The table to join where books are looked for."""

    @property
    def book(self) -> Any:
        """Its column of their ids."""

    def write(self, connection: Connection, documents: Sequence[Document]) -> None:
        """Add books that the index does not have."""

    def erase(self, connection: Connection, books: Sequence[int]) -> None:
        """Take books out of the index."""

    def matches(self, wanted: TermQuery) -> ColumnElement[bool]:
        """Whether a book has these words."""


class Fts5:
    """SQLite's."""

    index = table("search_index", column("rowid", Integer), column("search_index"))
    book = index.c.rowid

    def write(self, connection: Connection, documents: Sequence[Document]) -> None:
        """Add books that the index does not have."""
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

    def erase(self, connection: Connection, books: Sequence[int]) -> None:
        """Take books out of the index."""
        connection.execute(delete(self.index).where(self.book.in_(books)))

    def matches(self, wanted: TermQuery) -> ColumnElement[bool]:
        """Whether a book has these words."""
        terms = (f'"{word}"{"*" if begun else ""}' for word, begun in wanted.marked())
        return self.index.c.search_index.op("MATCH")(" AND ".join(terms))


_FTS5_INSERT = text(
    "INSERT INTO search_index (rowid, title, people, about, text)"
    " VALUES (:book, :title, :people, :about, :text)"
)


class TsVector:
    """PostgreSQL's."""

    index = table("search_index", column("book_id", Integer), column("vector"))
    book = index.c.book_id

    def write(self, connection: Connection, documents: Sequence[Document]) -> None:
        """Add books that the index does not have."""
        rows = [{"book_id": each.book, "vector": _vector(each)} for each in documents]
        insert_rows(connection, self.index, rows)

    def erase(self, connection: Connection, books: Sequence[int]) -> None:
        """Take books out of the index."""
        connection.execute(delete(self.index).where(self.book.in_(books)))

    def matches(self, wanted: TermQuery) -> ColumnElement[bool]:
        """Whether a book has these words."""
        terms = (f"'{word}'{':*' if begun else ''}" for word, begun in wanted.marked())
        return self.index.c.vector.op("@@")(
            text("CAST(:asked AS tsquery)").bindparams(
                bindparam("asked", " & ".join(terms), unique=True)
            )
        )


def _vector(found: Document) -> str:
    """A tsvector, written out: each word once, with its places and their weights."""
    places: dict[str, list[str]] = {}
    place = 0
    parts = ((found.title, "A"), (found.people, "B"), (found.about, "C"), (found.text, "D"))
    for part, weight in parts:
        for word in part:
            place += 1
            places.setdefault(word, []).append(f"{place}{weight}")
    return " ".join(f"'{word}':{','.join(found)}" for word, found in places.items())


def engine_of(dialect: str) -> Engine:
    """The engine of a kind of database."""
    return TsVector() if dialect == "postgresql" else Fts5()
