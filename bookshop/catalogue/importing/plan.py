"""Comparing records with what the shop knows: what each of a batch comes to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bookshop.catalogue.edition import Edition, digest, encode
from bookshop.catalogue.importing.records import Delete, Notice, Refusal, Refused, Replace, Update
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.writer import BookUpdate, StockCount

LOG = logging.getLogger(__name__)
#: What means another page, or none, as the last part of a book's address.
NO_NAMES = frozenset({".", "..", "new.atom"})
_COLUMNS = (
    BookRecord.id,
    BookRecord.sku,
    BookRecord.reference,
    BookRecord.source,
    BookRecord.content,
    BookRecord.cover,
    BookRecord.stock,
    BookRecord.withdrawn,
)

#: The kept cover of an edition, None where there is none to be found.
Covers = Callable[[Edition], str | None]


@dataclass
class Plan:
    """What a batch comes to.

    `wares` are to be put on the shelf, the books `gone` to be withdrawn; the books `renewed` are as
    they were, by a record of another `source`. `counts` are those of `Report`.
    """

    wares: list[BookUpdate] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    renewed: list[dict[str, Any]] = field(default_factory=list)
    counts: list[str] = field(default_factory=list)
    refused: list[tuple[Notice, Refusal]] = field(default_factory=list)
    taken: int = 0  # records of the batch that are in the plan


class Known:
    """The books that the records of a batch may be about, as the database has them."""

    def __init__(self, connection: Connection, notices: Sequence[Notice]) -> None:
        self._connection = connection
        references = [notice.reference for notice in notices if notice.reference is not None]
        rows = self._rows(BookRecord.reference.in_(references))
        self._by_reference = {row.reference: row for row in rows}
        # Reading an SKU takes apart the record: only where the reference is new.
        self._skus = {
            id(notice): notice.sku()
            for notice in notices
            if notice.reference not in self._by_reference
        }
        skus = sorted(sku for sku in set(self._skus.values()) if sku is not None)
        self._by_sku = {row.sku: row for row in self._rows(BookRecord.sku.in_(skus))}

    def of(self, notice: Notice) -> tuple[str | None, Row[Any] | None]:
        """The SKU that a record is about, and its book: found by the reference, or by the SKU."""
        found = self._by_reference.get(notice.reference)
        if found is not None:
            return found.sku, found
        sku = self._skus[id(notice)]
        return sku, self._by_sku.get(sku)

    def edition(self, book: int) -> Edition:
        """The whole of a book."""
        wanted = select(BookRecord.edition).where(BookRecord.id == book)
        edition: Edition = self._connection.execute(wanted).scalar_one()
        return edition

    def _rows(self, where: Any) -> list[Row[Any]]:
        return list(self._connection.execute(select(*_COLUMNS).where(where)))


def plan(connection: Connection, notices: Sequence[Notice], covers: Covers | None) -> Plan:
    """What to do about these records, or about the first of them.

    It ends before a record about a book that is in the plan: what that changes has to be known.
    """
    made, books = Plan(), set()
    known = Known(connection, notices)
    for notice in notices:
        about, found = known.of(notice)
        if about is not None and about in books:
            break
        books.add(about)
        try:
            _take(made, notice, found, known, covers)
        except Refusal as refusal:
            made.refused.append((notice, refusal))
        except (ValueError, ArithmeticError, LookupError, TypeError) as err:
            LOG.exception("record %s of line %d was not understood", notice.reference, notice.line)
            reason = f"The record has something that the shop does not understand ({err!r})."
            made.refused.append((notice, Refusal(reason, about)))
        made.taken += 1
    return made


def _take(
    made: Plan, notice: Notice, found: Row[Any] | None, known: Known, covers: Covers | None
) -> None:
    if isinstance(notice, Refused):
        raise Refusal(notice.reason, notice.isbn)
    if isinstance(notice, Delete):
        if found is None or found.withdrawn:
            made.counts.append("unchanged")  # what is not there need not be taken away
        else:
            made.gone.append(found.id)
            made.counts.append("deleted")
        return
    count = notice.copies()
    if found is not None and _is_old(notice, found, count, covers):
        made.counts.append("unchanged")
        return
    edition = _edition(notice, found, known)
    if found is not None and edition.sku != found.sku:
        raise Refusal(
            f"The record was about {found.sku} before, and is about {edition.sku} now: delete the"
            " book first (notification 05), or give the new one a reference of its own.",
            edition.isbn,
        )
    if "/" in edition.sku or edition.sku.startswith("@@") or edition.sku in NO_NAMES:
        raise Refusal(
            f"A page of the shop cannot have {edition.sku!r} in its address: give the book another"
            " SKU, one without a slash.",
            edition.isbn,
        )
    copies = None if count is None else StockCount(count)
    cover = (covers and covers(edition)) or (found.cover if found is not None else None)
    if found is None or found.withdrawn:
        made.counts.append("new")
    elif (
        found.content == digest(encode(edition))
        and found.cover == cover
        and count in {None, found.stock}
    ):
        made.renewed.append({"book": found.id, "new_source": notice.source})
        made.counts.append("unchanged")
        return
    else:
        made.counts.append("changed")
    book = None if found is None else found.id
    made.wares.append(BookUpdate(edition, notice.source, book, cover, copies))


def _is_old(notice: Notice, found: Row[Any], count: int | None, covers: Covers | None) -> bool:
    """Whether a record has nothing to say that was not known: it need not even be mapped."""
    return (
        found.source == notice.source
        and not found.withdrawn
        # Who counts copies means their number of today, whatever the record said before.
        and count in {None, found.stock}
        # Covers may come after the books.
        and (covers is None or found.cover is not None)
    )


def _edition(notice: Notice, found: Row[Any] | None, known: Known) -> Edition:
    """The book as it is from now on."""
    if isinstance(notice, Replace):
        return notice.edition()
    if not isinstance(notice, Update):
        raise TypeError(type(notice).__name__)
    if found is not None and not found.withdrawn:
        return notice.apply(known.edition(found.id))
    if not notice.complete:
        raise Refusal(
            "The record is about a book that the shop does not have, and says too little to add it:"
            " a row needs a title, ONIX the whole record (notification 03).",
            notice.sku(),
        )
    return notice.edition()
