"""Records of a feed, in a form that does not depend on the file format.

A reader is a function `read(stream: BinaryIO, …) -> Iterator[FeedRecord]`. It may raise FeedError
after some records: those that it has yielded remain valid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.terms.decisions import ShopDecisions
from bookshop.catalogue.writer import StockCount


class FeedError(Exception):
    """Raised where a file cannot be read, or not to its end.

    `code` is stable; the text says why, and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RecordError(Exception):
    """Raised where a record cannot be imported.

    `code` is stable, `reason` is one sentence that says what to correct. `isbn` is the ISBN as it
    is printed in the record; None if there is none.
    """

    def __init__(self, code: str, reason: str, isbn: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.isbn = isbn


@dataclass(frozen=True)
class ReadOptions:
    """How a file is read that does not say so itself.

    `currency` and `locale` are the shop's. `encoding` is the encoding that the caller names.
    """

    currency: str
    locale: str
    encoding: str | None = None


@dataclass
class FileReport:
    """What a reader has found out about a file.

    `encoding` is the Python codec that was used for CSV; None for XML, which names its own.
    `unread_columns` are the names of columns that the shop does not know.
    """

    name: str
    encoding: str | None = None
    unread_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedRecord(ABC):
    """One record of a feed.

    `reference` is the sender's identifier of the record (ONIX RecordReference), None if a row has
    none. `line` is its first line in the file, counted from 1. `digest` depends on the content
    alone, not on the file. `raw` is the record in UTF-8: an XML element with the namespaces that it
    uses, or a row.
    """

    reference: str | None
    line: int
    digest: str
    raw: bytes

    @abstractmethod
    def sku(self) -> str | None:
        """Return the SKU of the book; None if the record has none that is valid."""

    def copies(self) -> StockCount | None:
        """Return the shop's number of copies; None if the feed does not say. Raises RecordError."""
        return None

    def decisions(self, current: ShopDecisions) -> ShopDecisions:
        """Return the shop's decisions after the import; a feed of the trade changes none.

        Raises RecordError.
        """
        return current


@dataclass(frozen=True, slots=True)
class ReplaceRecord(FeedRecord):
    """A complete description, which replaces the book's earlier one."""

    @abstractmethod
    def edition(self) -> Edition:
        """Map the record to an edition. Raises RecordError.

        It is called only for records that have changed, which in most feeds are few.
        """


@dataclass(frozen=True, slots=True)
class UpdateRecord(FeedRecord):
    """A partial description: data that it does not contain is unchanged."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """True if it contains enough to add a new book."""

    @abstractmethod
    def apply(self, edition: Edition) -> Edition:
        """Return the updated edition of a book that the shop has. Raises RecordError."""

    @abstractmethod
    def edition(self) -> Edition:
        """Map a `complete` record to a new edition. Raises RecordError."""


@dataclass(frozen=True, slots=True)
class DeleteRecord(FeedRecord):
    """A request to withdraw the book, for example because it was announced in error."""


@dataclass(frozen=True, slots=True)
class InvalidRecord(FeedRecord):
    """A record that its reader has found to be invalid; the fields are those of RecordError."""

    isbn: str | None
    code: str
    reason: str

    def sku(self) -> str | None:
        """Return None: an invalid record is never matched with a book."""
        return None
