"""Rows of a CSV file as feed records."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from bookshop.catalogue.edition import Edition, Price, digest
from bookshop.catalogue.importing.csv.header import CsvHeader
from bookshop.catalogue.importing.csv.values import parse_amount, parse_count, unescape_formula
from bookshop.catalogue.importing.records import (
    FeedRecord,
    InvalidRecord,
    RecordError,
    UpdateRecord,
)
from bookshop.money import known_currencies


@dataclass(frozen=True, slots=True)
class CsvRow(UpdateRecord):
    """A row that describes a book. `values` has one value for each column of the header."""

    header: CsvHeader
    values: tuple[str, ...]

    def sku(self) -> str | None:
        """Return the ISBN, otherwise the SKU."""
        try:
            return self._fields(("sku", "isbn")).get("sku")
        except RecordError:
            return None

    def copies(self) -> int | None:
        """Return the number in the column `stock`; None if it is empty. Raises RecordError."""
        index = self.header.stock
        value = unescape_formula(self.values[index]) if index is not None else ""
        return parse_count(value) if value else None

    @property
    def complete(self) -> bool:
        """True if it has a title, the minimum for a new book."""
        return any(
            column.names[0] == "title" and unescape_formula(self.values[index])
            for index, column in self.header.columns
        )

    def apply(self, edition: Edition) -> Edition:
        """Return the edition with the row's values. Raises RecordError."""
        return structs.replace(edition, **self._with_prices(edition.prices))

    def edition(self) -> Edition:
        """Return a new edition. Raises RecordError."""
        fields = self._with_prices(())
        if not fields.get("sku"):
            raise RecordError(
                "missing_identifier", "The row has neither ISBN nor SKU: add one of them."
            )
        if not fields.get("title"):
            raise RecordError(
                "missing_title", "The shop does not have this book: a new one needs a title."
            )
        return Edition(**fields)

    def _with_prices(self, existing: Sequence[Price]) -> dict[str, Any]:
        """Return the row's fields; its prices replace existing ones of the same currency."""
        fields = self._fields(None)
        prices = self._prices()
        if prices:
            others = fields.get("prices", existing)
            currencies = {price.currency for price in prices}
            kept = (price for price in others if price.currency not in currencies)
            fields["prices"] = (*kept, *prices)
        return fields

    def _fields(self, names: Sequence[str] | None) -> dict[str, Any]:
        """Return the edition's fields from these columns; from all if `names` is None."""
        fields: dict[str, Any] = {}
        for index, column in self.header.columns:
            value = unescape_formula(self.values[index])
            if value and (names is None or column.names[0] in names):
                fields.update(column.read(value))
        return fields

    def _prices(self) -> list[Price]:
        """Return the prices of the price columns, one for each currency."""
        header = self.header
        index = header.currency
        value = unescape_formula(self.values[index]).upper() if index is not None else ""
        row_currency = value or header.shop_currency
        if row_currency not in known_currencies():
            raise RecordError(
                "unknown_currency",
                f"The currency {value} is unknown: write its code, for example GBP or EUR.",
            )
        prices = {}
        for index, column_currency in header.prices:
            if value := unescape_formula(self.values[index]):
                currency = column_currency or row_currency
                prices[currency] = Price(currency, parse_amount(value, currency))
        return list(prices.values())


@dataclass(frozen=True, slots=True)
class InvalidCsvRow(InvalidRecord):
    """A row with more values than the header has columns."""

    header: CsvHeader
    values: tuple[str, ...]


def parse_row(header: CsvHeader, values: tuple[str, ...], line: int) -> FeedRecord:
    """Return a row as a record."""
    raw = to_csv(values)
    row_digest = digest(raw + to_csv(header.names))
    columns = len(header.names)
    if len(values) > columns and any(values[columns:]):
        reason = f"The row has {len(values)} values; the header has {columns} columns."
        return InvalidCsvRow(
            None, line, row_digest, raw, None, "too_many_values", reason, header, values
        )
    padded = (*values, *[""] * (columns - len(values)))
    references = (
        unescape_formula(padded[index])
        for index, column in header.columns
        if column.names[0] == "reference"
    )
    reference = next(references, "") or None
    return CsvRow(reference, line, row_digest, raw, header, padded)


def to_csv(values: Sequence[str]) -> bytes:
    """Return a row as CSV in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue().encode("utf-8", "surrogatepass")
