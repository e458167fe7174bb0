"""ONIX records as feed records: mapped to editions on demand."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml.etree import _Element as Element

from bookshop.catalogue.edition import Edition
from bookshop.catalogue.importing.onix.identity import identity
from bookshop.catalogue.importing.onix.mapping import (
    REQUIRED_BLOCKS,
    map_product,
    update_edition,
)
from bookshop.catalogue.importing.onix.tags import composite
from bookshop.catalogue.importing.records import (
    DeleteRecord,
    RecordError,
    ReplaceRecord,
    UpdateRecord,
)


@dataclass(frozen=True, slots=True)
class OnixReplace(ReplaceRecord):
    """Notification types 01 to 03: the complete record; `language` is the shop's."""

    product: Element = field(repr=False, compare=False)
    language: str

    def sku(self) -> str | None:
        """Return the ISBN, otherwise the sender's own identifier."""
        return _sku(self.product)

    def edition(self) -> Edition:
        """Map the record. Raises RecordError."""
        return map_product(self.product, self.language)


@dataclass(frozen=True, slots=True)
class OnixUpdate(UpdateRecord):
    """Notification type 04: replaces the blocks that it contains; `language` is the shop's."""

    product: Element = field(repr=False, compare=False)
    language: str

    def sku(self) -> str | None:
        """Return the ISBN, otherwise the sender's own identifier."""
        return _sku(self.product)

    @property
    def complete(self) -> bool:
        """True if it has the blocks for description, publication and supply."""
        return REQUIRED_BLOCKS.issubset(composite(self.product))

    def apply(self, edition: Edition) -> Edition:
        """Return the edition with the record's blocks replaced. Raises RecordError."""
        return update_edition(self.product, edition, self.language)

    def edition(self) -> Edition:
        """Map the record. Raises RecordError."""
        return map_product(self.product, self.language)


@dataclass(frozen=True, slots=True)
class OnixDelete(DeleteRecord):
    """Notification type 05."""

    product: Element = field(repr=False, compare=False)

    def sku(self) -> str | None:
        """Return the ISBN, otherwise the sender's own identifier."""
        return _sku(self.product)


def _sku(product: Element) -> str | None:
    try:
        return identity(composite(product))[0]
    except RecordError:
        return None
