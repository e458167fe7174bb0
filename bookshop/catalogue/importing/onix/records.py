"""Records of ONIX as notices: mapped when somebody asks, which of old news nobody does."""

from __future__ import annotations

from dataclasses import dataclass

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.onix.identity import identity
from bookshop.catalogue.importing.onix.mapping import ESSENTIAL, record, updated, whole
from bookshop.catalogue.importing.records import Delete, Refusal, Replace, Update


@dataclass(frozen=True, slots=True)
class RecordReplaces(Replace):
    """Notifications 01 to 03: the whole record."""

    def sku(self) -> str | None:
        """The ISBN, else the sender's own number."""
        return _sku(self.raw)

    def edition(self) -> Edition:
        """The book. Raises Refusal."""
        return whole(self.raw)


@dataclass(frozen=True, slots=True)
class RecordUpdates(Update):
    """Notification 04: the blocks that it has."""

    def sku(self) -> str | None:
        """The ISBN, else the sender's own number."""
        return _sku(self.raw)

    @property
    def complete(self) -> bool:
        """Whether it describes the book, its publication and its supply."""
        try:
            return ESSENTIAL.issubset(record(self.raw))
        except Refusal:
            return False

    def apply(self, edition: Edition) -> Edition:
        """The book, with these blocks. Raises Refusal."""
        return updated(self.raw, edition)

    def edition(self) -> Edition:
        """The book, from these blocks alone. Raises Refusal."""
        return whole(self.raw)


@dataclass(frozen=True, slots=True)
class RecordDeletes(Delete):
    """Notification 05."""

    def sku(self) -> str | None:
        """The ISBN, else the sender's own number."""
        return _sku(self.raw)


def _sku(raw: bytes) -> str | None:
    try:
        return identity(record(raw))[0]
    except Refusal:
        return None
