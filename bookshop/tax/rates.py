"""Rates of tax by territory, product and day: the packaged table, and the operator's before it.

A rate is data with its source. `?` means that none was found: the standard rate holds, and `check`
says so.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from pathlib import Path

from bookshop.pricing.tax import TaxCode, TaxRate
from bookshop.products import ProductClass
from bookshop.tax.territories import NORTHERN_IRELAND

STANDARD = "standard"
COLUMNS = ("territory", "product", "rate", "code", "from", "until", "source")
UNKNOWN_RATE = "?"


class RatesError(ValueError):
    """Raised for a table that cannot be used; the message names all lines with faults."""


@dataclass(frozen=True)
class RateRow:
    """A row of a table. `percent` is None where no rate was found; both days are included."""

    territory: str
    product: str
    percent: Decimal | None
    code: TaxCode
    starts: date | None
    ends: date | None
    source: str

    def applies(self, territory: str, product: str, day: date) -> bool:
        """True if the row is about this product and day."""
        return (
            (self.territory, self.product) == (territory, product)
            and (self.starts is None or self.starts <= day)
            and (self.ends is None or day <= self.ends)
        )


@dataclass(frozen=True)
class FoundRate:
    """A rate, and the row that decides it; `assumed` if the standard rate replaces an unknown."""

    rate: TaxRate
    row: RateRow
    assumed: bool


class RateTable:
    """Rates of several tables; of rows that apply, the first table's wins."""

    def __init__(self, rows: Iterable[RateRow]) -> None:
        self._rows = tuple(rows)

    def find(
        self, territory: str, product: ProductClass, day: date, region: str = ""
    ) -> FoundRate | None:
        """Return the rate of a product on a day; None for a territory that no table has.

        `region` is a state or province: rows of US-CA go before those of US.
        """
        names = [f"{territory}-{region}"] if region else []
        names.append("GB" if territory == NORTHERN_IRELAND else territory)
        for name in names:
            row = self._row(name, product, day)
            standard = self._row(name, STANDARD, day)
            used = row if row and row.percent is not None else standard
            if used and used.percent is not None:
                rate = TaxRate(used.percent, used.code, territory)
                return FoundRate(rate, used, assumed=used is not row)
        return None

    def _row(self, territory: str, product: str, day: date) -> RateRow | None:
        return next((row for row in self._rows if row.applies(territory, product, day)), None)


@cache
def packaged_rows() -> tuple[RateRow, ...]:
    """Return the rows that the shop brings along."""
    text = files(__name__.rpartition(".")[0]).joinpath("rates.csv").read_text("utf-8")
    return tuple(_parse(text.splitlines()))


def read_rows(path: Path) -> tuple[RateRow, ...]:
    """Return the rows of the operator's file. Raises OSError and RatesError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(_parse(file))


def _parse(lines: Iterable[str]) -> list[RateRow]:
    reader = csv.DictReader(lines)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise RatesError(f"line 1: the header lacks {', '.join(missing)}")
    rows, faults = [], []
    for values in reader:
        try:
            rows.append(_row(values))
        except (ValueError, InvalidOperation) as error:
            faults.append(f"line {reader.line_num}: {error}")
    if faults:
        raise RatesError("\n".join(faults))
    return rows


def _row(values: dict[str, str]) -> RateRow:
    """Return a row. Raises ValueError, or InvalidOperation for a rate that is not a number."""
    if values["product"] not in {STANDARD, *ProductClass}:
        raise ValueError(f"{values['product']!r} is not a product class")
    rate = values["rate"].strip()
    percent = None if rate == UNKNOWN_RATE else Decimal(rate)
    if percent is not None:
        TaxRate(percent)  # checks the number
    return RateRow(
        territory=values["territory"].strip().upper(),
        product=values["product"],
        percent=percent,
        code=TaxCode(values["code"]) if values["code"] else TaxCode.STANDARD,
        starts=date.fromisoformat(values["from"]) if values["from"] else None,
        ends=date.fromisoformat(values["until"]) if values["until"] else None,
        source=values["source"],
    )
