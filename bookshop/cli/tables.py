"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Collection

from rich.table import Table


def make_table(*headers: str, complete: Collection[str]) -> Table:
    """Return an empty table. Columns in `complete` never wrap and are never cut."""
    table = Table()
    for header in headers:
        whole = header in complete
        table.add_column(header, no_wrap=whole, overflow="ignore" if whole else "fold")
    return table
