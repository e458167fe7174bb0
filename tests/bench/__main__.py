"""Benchmarks: `make bench`, or `make bench BOOKS=1000000`.

It compares the shop with other servers (`tests.bench.comparison`) and writes docs/bench.md; with
BOOKS it also measures the catalogue (`tests.bench.catalogue`) and orders. Contestants take turns,
so that other load on the machine affects all of them; servers, clients and databases share it.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import tempfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import make_url

from bookshop import clock, migrations
from bookshop.catalogue import demo
from bookshop.catalogue.listings import rebuild_listings
from bookshop.catalogue.pricing import SalesContext
from bookshop.db import make_engine, make_sessions
from tests.bench import catalogue, comparison, page
from tests.bench.measures import MEASURES, MOSS
from tests.load.fleet import Fleet
from tests.plugins.postgres import Postgres

ROUNDS = 3
SERVERS = 4
PLENTY = 100_000  # copies


def main() -> None:
    """Run the benchmarks, and print the machine and tables of medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--books", type=int, help="measure imports, and a catalogue as large, too")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the comparison")
    chosen = parser.parse_args()
    books, console = chosen.books, Console()
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        database = f"sqlite:///{folder}/comparison.sqlite"
        _fill(database)
        found = comparison.measure(console, folder / "comparison", database, chosen.rounds)
        comparison.show(console, found)
        page.write(found, machine(None), chosen.rounds)
        if books is None:
            return
        with closing(Postgres(folder / "postgresql")) as postgres:
            for fact in machine(postgres._admin.info.parameter_status("server_version")):
                console.print(fact, highlight=False)
            catalogue.measure(console, folder, postgres, books)
            # Payments have to be on the disk, as with SQLite.
            for statement in ("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()"):
                postgres._admin.execute(statement)
            orders(console, folder, postgres)


def orders(console: Console, folder: Path, postgres: Postgres) -> None:
    """Measure purchases and webhook deliveries on both databases, each time in a new shop."""
    results = defaultdict(list)
    for number in range(ROUNDS):
        urls = {
            "SQLite": f"sqlite:///{folder}/{number}.sqlite",
            "PostgreSQL": postgres.create().render_as_string(hide_password=False),
        }
        for database, url in urls.items():
            _fill(url)
            fleet = Fleet(folder / f"{database} {number}", url, SERVERS, sandbox__webhook_url="")
            with closing(fleet):
                fleet.stock({MOSS: PLENTY})
                for what, measure in MEASURES.items():
                    results[what, database].append(measure(fleet))
        console.print(f"Round {number + 1} of {ROUNDS} is done.", highlight=False)
    _print(console, results)


def machine(postgresql: str | None) -> list[str]:
    """Describe the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    server = f", PostgreSQL {postgresql}" if postgresql else ""
    return [
        f"{_processor()}: {os.cpu_count()} cores, {memory:.0f} GiB; {platform.platform()}",
        f"Python {python}, SQLite {sqlite}{server}; load {load}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _fill(url: str) -> None:
    """Give a new database its tables and the demo catalogue."""
    engine = make_engine(make_url(url))
    migrations.upgrade(engine)
    rebuild_listings(engine, SalesContext("GBP", "GB"), clock.now())
    with make_sessions(engine).begin() as session:
        demo.load(session, SalesContext("GBP", "GB"), clock.now())
    engine.dispose()


def _print(console: Console, results: dict[tuple[str, str], list[float]]) -> None:
    table = Table("a second", "database", title=f"{SERVERS} server processes, {ROUNDS} rounds")
    for column in ("median", "lowest", "highest"):
        table.add_column(column, justify="right")
    for (what, database), found in results.items():
        numbers = (statistics.median(found), min(found), max(found))
        table.add_row(what, database, *(f"{number:.1f}" for number in numbers))
    console.print(table)


if __name__ == "__main__":
    main()
