"""Reads spreadsheets of books that were saved as CSV, as booksellers and suppliers send them.

A row says what its cells say: columns that a sheet does not have, and cells that are empty, leave
what is known of a book as it is. So a sheet of ISBN and stock is a stocktaking.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from charset_normalizer import from_bytes
from msgspec import structs

from bookshop.catalogue.edition import Edition, Price, digest
from bookshop.catalogue.importing.csv.cells import bare, read_amount, read_count
from bookshop.catalogue.importing.csv.columns import COLUMNS, CURRENCY, PRICE, STOCK, Column
from bookshop.catalogue.importing.files import opened, peeked
from bookshop.catalogue.importing.records import FeedError, Notice, Refusal, Refused, Update
from bookshop.money import known_currencies

SAMPLE = 256 * 1024  # bytes, by which delimiter and encoding are told
LONGEST_CELL = 2**20
DELIMITERS = (",", ";", "\t", "|")
XLSX = b"PK\x03\x04"
_CURRENCY_NAME = re.compile(r"(?:price|rrp)[ _]?\(?(?P<currency>[a-z]{3})\)?")
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_BY_NAME = {name: column for column in COLUMNS for name in column.names}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What holds for all rows: the header as it is written, and the columns that it names.

    `columns` are pairs of the place in a row and how its cells are read; `prices` are places with
    the currency that their header names, if any.
    """

    header: tuple[str, ...]
    columns: tuple[tuple[int, Column], ...]
    prices: tuple[tuple[int, str | None], ...]
    currency: int | None
    stock: int | None
    default: str


@dataclass(frozen=True, slots=True)
class RowUpdates(Update):
    """A row about a book."""

    sheet: Sheet
    cells: tuple[str, ...]

    def sku(self) -> str | None:
        """The ISBN, else the SKU."""
        try:
            return self._fields(("sku", "isbn")).get("sku")
        except Refusal:
            return None

    def copies(self) -> int | None:
        """The number in the column `stock`, None where there is none."""
        place = self.sheet.stock
        cell = bare(self.cells[place]) if place is not None else ""
        return read_count(cell) if cell else None

    @property
    def complete(self) -> bool:
        """Whether it has a title: the least that a new book is told with."""
        return any(
            column.names[0] == "title" and bare(self.cells[place])
            for place, column in self.sheet.columns
        )

    def apply(self, edition: Edition) -> Edition:
        """The known book, with what the cells say. Raises Refusal."""
        return structs.replace(edition, **self._told(edition.prices))

    def edition(self) -> Edition:
        """The book, from this row alone. Raises Refusal."""
        told = self._told(())
        if not told.get("sku"):
            raise Refusal("The row has neither ISBN nor SKU: write one of them.")
        if not told.get("title"):
            raise Refusal("The row is about a book that the shop does not have: it needs a title.")
        return Edition(**told)

    def _told(self, known: Sequence[Price]) -> dict[str, Any]:
        told = self._fields(None)
        prices = self._prices()
        if prices:
            others = told.get("prices", known)
            mine = {price.currency for price in prices}
            kept = (price for price in others if price.currency not in mine)
            told["prices"] = (*kept, *prices)
        return told

    def _fields(self, names: Sequence[str] | None) -> dict[str, Any]:
        """What the cells of these columns say, of all where `names` is None."""
        told: dict[str, Any] = {}
        for place, column in self.sheet.columns:
            cell = bare(self.cells[place])
            if cell and (names is None or column.names[0] in names):
                told.update(column.read(cell, self.sheet.default))
        return told

    def _prices(self) -> list[Price]:
        """The prices in columns of their own: one for each currency."""
        sheet = self.sheet
        cell = bare(self.cells[sheet.currency]).upper() if sheet.currency is not None else ""
        usual = cell or sheet.default
        if usual not in known_currencies():
            raise Refusal(f"The currency {cell} is not known: write its code, such as GBP or EUR.")
        found = {}
        for place, named in sheet.prices:
            if cell := bare(self.cells[place]):
                currency = named or usual
                found[currency] = Price(currency, read_amount(cell, currency))
        return list(found.values())


@dataclass(frozen=True, slots=True)
class RowRefused(Refused):
    """A row that cannot even be told apart."""

    sheet: Sheet
    cells: tuple[str, ...]


def read(stream: BinaryIO, currency: str) -> Iterator[Notice]:
    """The rows of a CSV file, whose own delimiter and encoding are found out.

    `currency` is that of prices that name none. Raises FeedError.
    """
    sample, raw = peeked(opened(stream), SAMPLE)
    if sample.startswith(XLSX):
        raise FeedError("This is a workbook, not CSV: save it as “CSV (UTF-8)” and import that.")
    encoding = _encoding(sample)
    text = io.TextIOWrapper(cast("io.BufferedReader", raw), encoding, newline="")
    csv.field_size_limit(LONGEST_CELL)
    try:
        yield from _rows(text, sample.decode(encoding, "replace"), currency)
    except UnicodeDecodeError as err:
        raise FeedError(
            f"The file is not in {encoding} throughout: save it as “CSV (UTF-8)”."
        ) from err
    except csv.Error as err:
        raise FeedError(f"The file cannot be read as CSV ({err}).") from err


def _rows(text: io.TextIOWrapper, sample: str, currency: str) -> Iterator[Notice]:
    rows = csv.reader(text, delimiter=_delimiter(sample), strict=True)
    header = next(rows, None)
    if header is None:
        return
    sheet = _sheet(tuple(header), currency)
    line = rows.line_num + 1
    for row in rows:
        cells = tuple(row)
        begun, line = line, rows.line_num + 1
        if any(cell.strip() for cell in cells):
            yield _notice(sheet, cells, begun)


def _notice(sheet: Sheet, cells: tuple[str, ...], line: int) -> Notice:
    raw = written(cells)
    source = digest(raw + written(sheet.header))
    if len(cells) > len(sheet.header) and any(cells[len(sheet.header) :]):
        reason = f"The row has {len(cells)} cells, and the header {len(sheet.header)}."
        return RowRefused(None, line, source, raw, None, reason, sheet, cells)
    whole = (*cells, *[""] * (len(sheet.header) - len(cells)))
    reference = next(
        (bare(whole[place]) for place, column in sheet.columns if column.names[0] == "reference"),
        "",
    )
    return RowUpdates(reference or None, line, source, raw, sheet, whole)


def written(cells: Sequence[str]) -> bytes:
    """A row as CSV, in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _sheet(header: tuple[str, ...], currency: str) -> Sheet:
    """What the header names. Raises FeedError where it names no book."""
    named = [" ".join(bare(cell).lower().split()) for cell in header]
    places: Mapping[str, int] = {name: place for place, name in reversed(list(enumerate(named)))}
    columns = sorted(
        {
            column.names[0]: (place, column)
            for place, name in reversed(list(enumerate(named)))
            if (column := _BY_NAME.get(name)) is not None
        }.values(),
        key=lambda pair: COLUMNS.index(pair[1]),
    )
    if not {"sku", "isbn"} & {column.names[0] for _place, column in columns}:
        raise FeedError(
            "The first row has to name the columns, and one of them has to be isbn or sku; it is:"
            f" {', '.join(cell for cell in header if cell)[:200] or 'empty'}."
        )
    prices: list[tuple[int, str | None]] = []
    for place, name in enumerate(named):
        found = _CURRENCY_NAME.fullmatch(name)
        if name in PRICE:
            prices.append((place, None))
        elif found is not None and found["currency"].upper() in known_currencies():
            prices.append((place, found["currency"].upper()))
    return Sheet(
        header=header,
        columns=tuple(columns),
        prices=tuple(prices),
        currency=next((places[name] for name in CURRENCY if name in places), None),
        stock=next((places[name] for name in STOCK if name in places), None),
        default=currency,
    )


def _delimiter(sample: str) -> str:
    """What parts the cells of the header: what it has most of, outside of quotes."""
    header = re.sub(r'"[^"]*"', "", sample.partition("\n")[0])
    return max(DELIMITERS, key=header.count)


def _encoding(sample: bytes) -> str:
    for mark, encoding in _BOMS.items():
        if sample.startswith(mark):
            return encoding
    try:
        # The sample may end within a letter.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        best = from_bytes(sample, cp_isolation=["cp1252", "cp1250", "mac_roman", "utf_16"]).best()
        return best.encoding if best else "cp1252"
    return "utf-8"
