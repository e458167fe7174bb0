"""Tables on the terminal. Their values are text, also where they look like markup of rich."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bookshop.redaction import printable


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], *, complete: Collection[str]
) -> None:
    """Print a table that fits the terminal. Columns in `complete` never wrap and are never cut."""
    table = Table()
    for header in headers:
        whole = header in complete
        table.add_column(header, no_wrap=whole, overflow="ignore" if whole else "fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    Console().print(table)


def print_rows(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table with one line per row, so that ids can be copied and lines searched.

    No value is cut or folded: where the terminal is too narrow, the table has no borders, and its
    lines are longer than the terminal.
    """
    console = Console()
    table = Table(*headers)
    for row in rows:
        table.add_row(*map(_cell, row))
    width = console.measure(table, options=console.options.update(width=10_000)).maximum
    if width > console.width:
        console.width = width
        table.box = None
        table.pad_edge = False
    console.print(table)


def _cell(value: str) -> Text:
    return Text(printable(value))
