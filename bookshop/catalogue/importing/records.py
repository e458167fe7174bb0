"""What a feed says, record by record, in whatever form it came: the shapes that readers yield.

A reader is `read(stream: BinaryIO) -> Iterator[Notice]`. It raises FeedError, even in the middle:
what it has yielded by then stays good.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from bookshop.catalogue.edition import Edition


class FeedError(Exception):
    """A file cannot be read, or not any further: the text says why, and what to do."""


class Refusal(Exception):
    """A record cannot be taken: `reason` is one sentence that says what to mend.

    `isbn` is the one that the record names, as it is printed there, None where it names none.
    """

    def __init__(self, reason: str, isbn: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.isbn = isbn


@dataclass(frozen=True, slots=True)
class Notice(ABC):
    """One record of a feed.

    `reference` is the sender's own name for it, by which it is known again (spreadsheets may have
    none). `line` is where it begins in the file, from 1. `source` is a digest: the same record has
    the same, wherever it stands. `raw` is the record itself, in UTF-8: an element of XML with the
    namespaces that it needs, or a row.
    """

    reference: str | None
    line: int
    source: str
    raw: bytes

    @abstractmethod
    def sku(self) -> str | None:
        """The SKU of the book that it is about; None where that cannot be told."""

    def copies(self) -> int | None:
        """How many copies the shop has from now on; None where the feed does not say."""
        return None


@dataclass(frozen=True, slots=True)
class Replace(Notice):
    """All there is to say of a book: what was known before is to be forgotten."""

    @abstractmethod
    def edition(self) -> Edition:
        """The book. Mapped when it is asked for, as most records of most feeds are old news.

        Raises Refusal.
        """


@dataclass(frozen=True, slots=True)
class Update(Notice):
    """Some blocks of what there is to say of a book: what the others say still holds."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether it says enough to be taken for a book that is not known yet."""

    @abstractmethod
    def apply(self, edition: Edition) -> Edition:
        """The known book as it is from now on. Raises Refusal."""

    @abstractmethod
    def edition(self) -> Edition:
        """The book, from a `complete` update alone. Raises Refusal."""


@dataclass(frozen=True, slots=True)
class Delete(Notice):
    """The book is to be taken off the shelf, say, as it was announced by mistake."""


@dataclass(frozen=True, slots=True)
class Refused(Notice):
    """A record of which its reader knows already that it cannot be taken, and why."""

    isbn: str | None
    reason: str

    def sku(self) -> str | None:
        """Never known."""
        return None
