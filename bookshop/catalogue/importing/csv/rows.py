"""Rows of a CSV file as feed records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from bookshop.catalogue.edition import Edition, Price, digest
from bookshop.catalogue.importing.csv.amounts import parse_amount, read_currency
from bookshop.catalogue.importing.csv.cells import clean
from bookshop.catalogue.importing.csv.column_values import Fields
from bookshop.catalogue.importing.csv.columns import Column
from bookshop.catalogue.importing.csv.header import CsvHeader
from bookshop.catalogue.importing.csv.values import parse_count
from bookshop.catalogue.importing.html import to_html
from bookshop.catalogue.importing.records import (
    FeedRecord,
    InvalidRecord,
    RecordError,
    UpdateRecord,
)
from bookshop.catalogue.terms.decisions import ShopDecisions
from bookshop.catalogue.writer import StockCount

# Increment it when rows are read by other rules: rows that have not changed are read again.
RULES_VERSION = b"3"
#: In a cell of the shop's own decisions: the trade's record applies again.
RESET = "reset"
YES, NO = frozenset({"yes", "y", "true", "1"}), frozenset({"no", "n", "false", "0", RESET})


@dataclass(frozen=True, slots=True)
class CsvRow(UpdateRecord):
    """A row that describes a book. `values` has one value for each column of the header."""

    header: CsvHeader
    values: tuple[str, ...]

    def sku(self) -> str | None:
        """Return the ISBN, otherwise the SKU."""
        fields: dict[str, Any] = {}
        for value, column in self._cells("sku", "isbn"):
            try:
                fields.update(column.read(value, self.header.options.locale))
            except RecordError:
                return None
        return fields.get("sku")

    def copies(self) -> StockCount | None:
        """Return the number in the column `stock`; None if it is empty. Raises RecordError."""
        faults: list[RecordError] = []
        stock = self._stock(faults)
        if faults:
            raise self._every_fault()
        return stock

    def decisions(self, current: ShopDecisions) -> ShopDecisions:
        """Return the shop's decisions with those of the row. Raises RecordError."""
        faults: list[RecordError] = []
        prices, blocked = self._prices(faults), self._blocked(faults)
        if faults:
            raise self._every_fault()
        kept = [price for price in current.prices if price.currency not in prices]
        own = [*kept, *filter(None, prices.values())]
        text = self._cell(self.header.description)
        description = current.description
        if text:
            description = None if text.lower() == RESET else to_html(text)
        return ShopDecisions(
            prices=tuple(sorted(own, key=lambda price: price.currency)),
            description=description,
            blocked=current.blocked if blocked is None else blocked,
        )

    @property
    def complete(self) -> bool:
        """True if it has a title, the minimum for a new book."""
        return any(self._cells("title"))

    def apply(self, edition: Edition) -> Edition:
        """Return the edition with the row's values. Raises RecordError."""
        fields = self._read()
        changed = {name: fields[name] for name in ("availability", "prices") if name in fields}
        if edition.offers and changed and "offers" not in fields:
            offers = (structs.replace(offer, **changed) for offer in edition.offers)
            fields["offers"] = tuple(offers)
        return structs.replace(edition, **fields)

    def edition(self) -> Edition:
        """Return a new edition. Raises RecordError."""
        fields = self._read()
        if not fields.get("sku"):
            raise RecordError(
                "missing_identifier", "The row has neither ISBN nor SKU: add one of them."
            )
        if not fields.get("title"):
            raise RecordError(
                "missing_title", "The shop does not have this book: a new one needs a title."
            )
        edition = Edition(**fields)
        return edition if edition.work else structs.replace(edition, work=_work_of(edition))

    def _read(self) -> dict[str, Any]:
        """Return the row's fields of an edition. Raises RecordError with all faults of the row."""
        faults: list[RecordError] = []
        fields = self._fields(faults)
        if faults:
            raise self._every_fault()
        return fields

    def _every_fault(self) -> RecordError:
        """Return one error with all faults of the row, so that they can be corrected at once."""
        faults: list[RecordError] = []
        self._fields(faults)
        self._stock(faults)
        self._prices(faults)
        self._blocked(faults)
        return _all_faults(faults, _cell_of("isbn", self.header, self.values))

    def _fields(self, faults: list[RecordError]) -> dict[str, Any]:
        """Return the fields of an edition, and append what is wrong."""
        fields: dict[str, Any] = {}
        for value, column in self._cells():
            try:
                _merge(fields, column.read(value, self.header.options.locale))
            except RecordError as fault:
                faults.append(fault)
        return fields

    def _prices(self, faults: list[RecordError]) -> dict[str, Price | None]:
        """Return the prices of the price columns by currency, and append what is wrong.

        None resets the price.
        """
        header = self.header
        written, shop_currency = self._cell(header.currency), header.options.currency
        row_currency = read_currency(written or shop_currency, shop_currency)
        if row_currency is None:
            reason = f"The currency {written} is unknown: write its code, for example GBP or EUR."
            faults.append(RecordError("unknown_currency", reason))
            return {}
        prices: dict[str, Price | None] = {}
        for index, column_currency in header.prices:
            if value := self._cell(index):
                currency = column_currency or row_currency
                if value.lower() == RESET:
                    prices[currency] = None
                    continue
                try:
                    prices[currency] = Price(currency, parse_amount(value, currency))
                except RecordError as fault:
                    faults.append(fault)
        return prices

    def _blocked(self, faults: list[RecordError]) -> bool | None:
        """Return the column `blocked`, None if it is empty, or append what is wrong."""
        value = self._cell(self.header.blocked).lower()
        if value and value not in YES | NO:
            reason = f"The column blocked has the value {value}: write yes or no."
            faults.append(RecordError("invalid_yes_no", reason))
        return value in YES if value else None

    def _stock(self, faults: list[RecordError]) -> StockCount | None:
        """Return the number in the column `stock`, or append what is wrong."""
        value = self._cell(self.header.stock)
        if value.lower() == RESET:
            return StockCount(None)
        try:
            return StockCount(parse_count(value)) if value else None
        except RecordError as fault:
            faults.append(fault)
            return None

    def _cells(self, *names: str) -> Iterator[tuple[str, Column]]:
        """Yield value and column of each cell that is not empty, of all columns or of these."""
        for index, column in self.header.columns:
            if not names or column.names[0] in names:
                value = clean(self.values[index])
                if value:
                    yield value, column

    def _cell(self, index: int | None) -> str:
        return "" if index is None else clean(self.values[index])


def _work_of(edition: Edition) -> str | None:
    """Return a name of the work: rows with the same title and author are formats of one work."""
    if not edition.contributors:
        return None
    parts = (edition.title, edition.contributors[0].name)
    return " / ".join(" ".join(part.casefold().split()) for part in parts)


@dataclass(frozen=True, slots=True)
class InvalidCsvRow(InvalidRecord):
    """A row that cannot be read, or with more values than the header has columns."""

    header: CsvHeader
    values: tuple[str, ...]


def parse_row(header: CsvHeader, values: tuple[str, ...], line: int) -> FeedRecord:
    """Return a row as a record."""
    columns = len(header.names)
    if len(values) > columns and any(values[columns:]):
        reason = f"The row has {len(values)} values; the header has {columns} columns."
        return invalid_row(header, values, line, "too_many_values", reason)
    raw = to_csv(values)
    padded = (*values, *[""] * (columns - len(values)))
    reference = _cell_of("reference", header, padded)
    return CsvRow(reference, line, _digest(header, raw), raw, header, padded)


def invalid_row(
    header: CsvHeader, values: tuple[str, ...], line: int, code: str, reason: str
) -> InvalidCsvRow:
    """Return a row that is refused for this reason."""
    raw = to_csv(values)
    reference, isbn = (_cell_of(name, header, values) for name in ("reference", "isbn"))
    row_digest = _digest(header, raw)
    return InvalidCsvRow(reference, line, row_digest, raw, isbn, code, reason, header, values)


def _digest(header: CsvHeader, raw: bytes) -> str:
    return digest(raw + to_csv(header.names) + RULES_VERSION)


def _cell_of(name: str, header: CsvHeader, values: Sequence[str]) -> str | None:
    """Return the cell in a column; None if it is empty."""
    for index, column in header.columns:
        if column.names[0] == name and index < len(values):
            return clean(values[index]) or None
    return None


def _merge(fields: dict[str, Any], more: Fields) -> None:
    """Add the fields of a column; lists of two columns, as subjects and keywords, are joined."""
    for name, value in more.items():
        if isinstance(value, tuple) and name in fields:
            fields[name] = tuple(dict.fromkeys((*fields[name], *value)))
        else:
            fields[name] = value


def _all_faults(faults: Sequence[RecordError], isbn: str | None) -> RecordError:
    """Return one error with the reasons of all, and the code of the first."""
    reasons = dict.fromkeys(fault.reason for fault in faults)
    return RecordError(faults[0].code, " ".join(reasons), faults[0].isbn or isbn)


def to_csv(values: Sequence[str]) -> bytes:
    """Return a row as CSV in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue().encode("utf-8", "surrogatepass")
