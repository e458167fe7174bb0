"""The header of a CSV file: which column has which meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bookshop.catalogue.importing.csv.amounts import read_currency
from bookshop.catalogue.importing.csv.cells import clean
from bookshop.catalogue.importing.csv.columns import (
    BLOCKED,
    COLUMNS,
    CURRENCY,
    DESCRIPTION,
    PRICE,
    REASON,
    STOCK,
    Column,
)
from bookshop.catalogue.importing.records import FeedError, ReadOptions

# price (gbp), price_gbp, RRP £, price in EUR
_PRICE_WITH_CURRENCY = re.compile(
    r"(?:retail price|price|rrp)(?: in )?[ _]?[(\[]?(?P<currency>[^\s()\[\]]{1,4})[)\]]?"
)
_COLUMNS_BY_NAME = {name: column for column in COLUMNS for name in column.names}


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """The columns of a file by index.

    `names` are as they are written. `prices` are indexes with the currency in the column's name, if
    it has one. `currency`, `stock`, `description` and `blocked` are indexes. `options` has the
    shop's currency, which applies where no currency is given.
    """

    names: tuple[str, ...]
    columns: tuple[tuple[int, Column], ...]
    prices: tuple[tuple[int, str | None], ...]
    currency: int | None
    stock: int | None
    description: int | None
    blocked: int | None
    options: ReadOptions

    @property
    def unread(self) -> tuple[str, ...]:
        """The names of the columns that are not read, such as a second column of titles."""
        read = {self.currency, self.stock, self.description, self.blocked}
        read.update(index for index, _column in self.columns)
        read.update(index for index, _currency in self.prices)
        names = ((index, clean(name)) for index, name in enumerate(self.names))
        return tuple(
            name for index, name in names if index not in read and name and name.lower() != REASON
        )


def parse_header(row: tuple[str, ...], options: ReadOptions) -> CsvHeader:
    """Return the meaning of the first row. Raises FeedError if it has no column isbn or sku."""
    names = [" ".join(clean(name).lower().split()) for name in row]
    columns: dict[str, tuple[int, Column]] = {}
    for index, name in enumerate(names):
        column = _COLUMNS_BY_NAME.get(name)
        if column is not None:
            columns.setdefault(column.names[0], (index, column))
    if not columns.keys() & {"sku", "isbn"}:
        shown = ", ".join(name for name in row if name)[:200] or "empty"
        raise FeedError(
            "missing_header",
            f"The first row must name the columns, among them isbn or sku; it is: {shown}.",
        )
    return CsvHeader(
        names=row,
        columns=tuple(sorted(columns.values(), key=lambda pair: COLUMNS.index(pair[1]))),
        prices=_price_columns(names, options.currency),
        currency=_first_index(names, CURRENCY),
        stock=_first_index(names, STOCK),
        description=_first_index(names, DESCRIPTION),
        blocked=_first_index(names, BLOCKED),
        options=options,
    )


def _price_columns(names: list[str], shop_currency: str) -> tuple[tuple[int, str | None], ...]:
    prices: list[tuple[int, str | None]] = []
    for index, name in enumerate(names):
        match = _PRICE_WITH_CURRENCY.fullmatch(name)
        if name in PRICE:
            prices.append((index, None))
        elif match and (currency := read_currency(match["currency"], shop_currency)):
            prices.append((index, currency))
    return tuple(prices)


def _first_index(names: list[str], accepted: tuple[str, ...]) -> int | None:
    """Return the index of the first accepted name that the header has."""
    return next((names.index(name) for name in accepted if name in names), None)
