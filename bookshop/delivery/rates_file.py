"""Reads the operator's CSV file of delivery rates, and names all its faults at once."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bookshop.delivery.rates import Basis, ShippingRates, Step
from bookshop.destinations import Area, AreaError, parse_area
from bookshop.money import AmountError, read_amount

COLUMNS = (
    *("zone", "countries", "postcodes", "excluded", "method", "name", "basis", "up_to"),
    *("price", "days", "free_from", "from", "until"),
)
REQUIRED = ("zone", "countries", "method", "name", "basis", "price")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_DAYS = re.compile(r"([0-9]{1,3})(?:\s*[-\u2013]\s*([0-9]{1,3}))?")
_LIMIT = 1_000_000_000  # grams or copies


@dataclass(frozen=True)
class RatesFault:
    """A fault of the file: its line, the column (empty for the whole row), and what is wrong."""

    line: int
    column: str
    problem: str

    def __str__(self) -> str:
        place = f"line {self.line}, {self.column}" if self.column else f"line {self.line}"
        return f"{place}: {self.problem}"


class RatesFileError(ValueError):
    """Raised for a file that cannot be used; `faults` are all of them."""

    def __init__(self, faults: Sequence[RatesFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def read_rates(path: Path, currency: str) -> ShippingRates:
    """Return the rates of a file in UTF-8. Raises OSError and RatesFileError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return parse_rates(file, currency)


def parse_rates(lines: Iterator[str], currency: str) -> ShippingRates:
    """Return the rates of the lines of a file; prices are in `currency`. Raises RatesFileError."""
    reader = csv.DictReader(lines, strict=True)
    faults = _header_faults(reader.fieldnames or ())
    if faults:
        raise RatesFileError(faults)
    steps: list[Step] = []
    try:
        for row in reader:
            if any(row.values()):
                step = _RowReader(reader.line_num, row, currency, faults).step()
                steps += [step] if step else []
    except (csv.Error, UnicodeDecodeError) as error:
        faults.append(RatesFault(reader.line_num, "", f"The file cannot be read: {error}."))
    faults += _contradictions(steps)
    if faults:
        raise RatesFileError(faults)
    return ShippingRates(steps)


def _header_faults(names: Sequence[str]) -> list[RatesFault]:
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in COLUMNS]
    faults = []
    if missing:
        faults.append(RatesFault(1, "", f"The header lacks {', '.join(missing)}."))
    if unknown:
        known = ", ".join(COLUMNS)
        problem = f"The header has unknown columns: {', '.join(unknown)}. Known are {known}."
        faults.append(RatesFault(1, "", problem))
    return faults


class _RowReader:
    """Reads one row, and adds its faults to a list."""

    def __init__(
        self,
        line: int,
        row: Mapping[str | None, str | list[str] | None],
        currency: str,
        faults: list[RatesFault],
    ) -> None:
        self._line = line
        self._currency = currency
        self._faults = faults
        self._count = len(faults)
        if None in row:
            self._fault("", "The row has more values than the header has columns.")
        self._values = {
            name: value.strip() for name, value in row.items() if name and isinstance(value, str)
        }

    def step(self) -> Step | None:
        """Return the row's step; None if it has a fault."""
        for name in REQUIRED:
            if not self._value(name):
                self._fault(name, "It is empty.")
        basis = self._basis()
        step = Step(
            zone=self._name("zone"),
            areas=self._areas("postcodes"),
            excluded=self._areas("excluded") if self._value("excluded") else (),
            method=self._name("method"),
            name=self._value("name"),
            basis=basis,
            up_to=self._up_to(basis),
            price=self._amount("price") or 0,
            days=self._days(),
            free_from=self._amount("free_from"),
            starts=self._day("from"),
            ends=self._day("until"),
            line=self._line,
        )
        return step if len(self._faults) == self._count else None

    def _value(self, name: str) -> str:
        return self._values.get(name, "")

    def _fault(self, column: str, problem: str) -> None:
        self._faults.append(RatesFault(self._line, column, problem))

    def _name(self, column: str) -> str:
        value = self._value(column).lower()
        if value and not _NAME.fullmatch(value):
            self._fault(column, f"{value!r} is not a name of letters, digits and hyphens.")
        return value

    def _basis(self) -> Basis:
        value = self._value("basis").lower()
        if value in set(Basis):
            return Basis(value)
        if value:
            self._fault("basis", f"{value!r} is none of {', '.join(Basis)}.")
        return Basis.WEIGHT

    def _areas(self, postcodes: str) -> tuple[Area, ...]:
        areas: list[Area] = []
        for country in self._value("countries").split():
            try:
                areas += parse_area(country, self._value(postcodes))
            except AreaError as error:
                self._fault(postcodes if self._value(postcodes) else "countries", str(error))
                break
        return tuple(areas)

    def _up_to(self, basis: Basis) -> int | None:
        value = self._value("up_to")
        if not value or basis is Basis.VALUE:
            return self._amount("up_to")
        if not value.isascii() or not value.isdigit() or not 0 < int(value) < _LIMIT:
            self._fault("up_to", f"{value!r} is not a whole number.")
            return None
        return int(value)

    def _amount(self, column: str) -> int | None:
        value = self._value(column)
        try:
            return read_amount(value, self._currency).amount if value else None
        except AmountError as error:
            self._fault(column, f"{error}.")
            return None

    def _days(self) -> tuple[int, int] | None:
        value = self._value("days")
        match = _DAYS.fullmatch(value)
        if match is None:
            if value:
                self._fault("days", f"{value!r} is not a number of working days, such as 2-4.")
            return None
        first = int(match[1])
        last = int(match[2] or match[1])
        if last < first:
            self._fault("days", f"{value!r} ends before it begins.")
        return first, last

    def _day(self, column: str) -> date | None:
        value = self._value(column)
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            self._fault(column, f"{value!r} is not a day, such as 2026-12-24.")
            return None


def _contradictions(steps: Sequence[Step]) -> Iterator[RatesFault]:
    """Yield the rows of a method in a zone that count differently than its first row."""
    first: dict[tuple[str, str], Step] = {}
    for step in steps:
        before = first.setdefault((step.zone, step.method), step)
        if step.basis is not before.basis:
            problem = f"The method counts by {before.basis} in line {before.line}."
            yield RatesFault(step.line, "basis", problem)
