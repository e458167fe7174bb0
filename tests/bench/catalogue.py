"""Benchmarks of the catalogue: import speed, and page times with few and many books."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import make_url

from bookshop import migrations
from bookshop.catalogue.demo import load
from bookshop.catalogue.listings import rebuild_listings
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.search.cursor import Cursor
from bookshop.db import make_engine, make_sessions
from tests.bench import feed
from tests.bench.http import Connection, a_second, waits
from tests.bench.servers import Server
from tests.plugins.postgres import Postgres
from tests.shops import ini

FEW, SOME = 1_000, 10_000
MOST_ON_SQLITE = 200_000  # books of a shop whose pages are measured
TERMS = SalesContext("GBP", "GB")
ROUNDS = 5
ASKED = 60  # times for each page, in each round
SECONDS = 3.0  # for each measure of throughput


@dataclass(frozen=True)
class Imported:
    """An import: records a second, and peak memory in MiB."""

    rate: float
    peak: float


class Databases:
    """New databases of both engines, at head and without books."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self._folder = folder
        self._postgres = postgres

    def make(self, kind: str, name: str) -> str:
        """The URL of a new one."""
        if kind == "SQLite":
            url = f"sqlite:///{self._folder}/{name}.sqlite"
        else:
            url = self._postgres.create().render_as_string(hide_password=False)
        engine = make_engine(make_url(url))
        migrations.upgrade(engine)
        rebuild_listings(engine, TERMS, datetime.now(UTC))
        engine.dispose()
        return url


def section(folder: Path, url: str) -> dict[str, str]:
    """Return the settings of a shop on a database; it never calls Stripe."""
    var = folder / "var"
    var.mkdir(exist_ok=True)
    changes = {"bookshop__environment": "staging", "sqlalchemy__url": url}
    return ini(var, "http://127.0.0.1:1", **changes)


def import_(folder: Path, url: str, file: Path, count: int) -> Imported:
    """Run `bookshop import` as an operator would."""
    config = folder / "import.ini"
    lines = "\n".join(f"{key} = {value}" for key, value in section(folder, url).items())
    config.write_text("[app:main]\nuse = egg:bookshop\n" + lines.replace("%", "%%") + "\n")
    command = ["-m", "bookshop.cli", "--config", str(config), "import", str(file), "--json"]
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE) as process:
        report = json.loads(process.stdout.read()) if process.stdout else {}
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    done = report["new"] + report["changed"] + report["unchanged"]
    if process.returncode or done != count:
        message = f"the import of {file.name} failed: {report}"
        raise RuntimeError(message)
    return Imported(count / seconds, usage.ru_maxrss / 1024)


def imports(console: Console, folder: Path, databases: Databases, books: int) -> dict[str, str]:
    """Measure imports, print them, and return the URLs of the large databases."""
    files = {count: folder / f"{count}.xml" for count in (SOME, books)}
    for count, file in files.items():
        feed.write(file, count)
    table = Table("database", "records", "a second", "again", "peak MiB", "to 10,000's")
    large = {}
    for kind in ("SQLite", "PostgreSQL"):
        peaks = {}
        for count, file in files.items():
            url = databases.make(kind, f"imported-{count}")
            first = import_(folder, url, file, count)
            again = import_(folder, url, file, count)
            peaks[count] = first.peak
            large[kind] = url
            ratio = f"{first.peak / peaks[SOME]:.2f}"
            rates = (f"{first.rate:,.0f}", f"{again.rate:,.0f}", f"{first.peak:.0f}")
            table.add_row(kind, f"{count:,}", *rates, ratio)
    console.print(table)
    return large


class Visitor:
    """A visitor's requests, with no address twice in a large catalogue."""

    def __init__(self, books: int) -> None:
        self._books = books
        self._chance = random.Random(7)  # noqa: S311 - the same ones each time
        self._words = feed.Words(random.Random(20261123))  # noqa: S311 - those of the list

    def index(self) -> str:
        return "/"

    def list(self) -> str:
        return "/books/"

    def deep(self) -> str:
        """A page from somewhere in the list."""
        place = Cursor(self._words.word(self._chance), self._chance.randrange(self._books))
        return f"/books/?page={place}"

    def book(self) -> str:
        return f"/books/{feed.isbn(self._chance.randrange(self._books))}"

    def name(self) -> str:
        return f"/books/?q={quote_plus(self._words.name(self._chance))}"

    def words(self) -> str:
        """Two words of a title, as often as they occur."""
        two = (self._words.word(self._chance) for _ in range(2))
        return f"/books/?q={quote_plus(' '.join(two))}"


PAGES: dict[str, Callable[[Visitor], str]] = {
    "index": Visitor.index,
    "list": Visitor.list,
    "deep page": Visitor.deep,
    "book": Visitor.book,
    "search: a name": Visitor.name,
    "search: two words": Visitor.words,
}


def pages(
    console: Console, folder: Path, databases: Databases, large: dict[str, str], books: int
) -> None:
    """Measure rendered pages with few and many books, in turns."""
    counts = {"SQLite": min(books, MOST_ON_SQLITE), "PostgreSQL": books}
    table = Table("database", "page", "median ms", "many", "ratio", "p99 ms", "many", "ratio")
    for kind, count in counts.items():
        few = _filled(folder, databases, kind, FEW)
        many = large[kind] if count == books else _filled(folder, databases, kind, count)
        with ExitStack() as ending:
            shops = []
            for url, size in ((few, FEW), (many, count)):
                server = Server("uncached", section(folder, url))
                ending.callback(server.close)
                shops.append((server, Visitor(size)))
            for name, found in _turns(shops).items():
                table.add_row(f"{kind}, {count:,}", name, *_compared(*found))
    console.print(table)


def _filled(folder: Path, databases: Databases, kind: str, count: int) -> str:
    file = folder / f"{count}.xml"
    if not file.exists():
        feed.write(file, count)
    url = databases.make(kind, f"pages-{count}")
    import_(folder, url, file, count)
    return url


def _turns(shops: list[tuple[Server, Visitor]]) -> dict[str, list[list[float]]]:
    """Return the times of each page by shop; the first round is the warm-up."""
    found: dict[str, list[list[float]]] = defaultdict(lambda: [[], []])
    for number in range(ROUNDS + 1):
        for name, ask in PAGES.items():
            for place, (server, visitor) in enumerate(shops):
                took = waits(server.port, [ask(visitor) for _ in range(ASKED)])
                if number:
                    found[name][place] += took
    return found


def _compared(few: list[float], many: list[float]) -> Iterator[str]:
    for measure in (statistics.median, _p99):
        small, large = measure(few) * 1000, measure(many) * 1000
        yield from (f"{small:.1f}", f"{large:.1f}", f"{large / small:.2f}")


def _p99(found: list[float]) -> float:
    return statistics.quantiles(found, n=100)[98]


def throughput(console: Console, folder: Path, databases: Databases) -> None:
    """Measure the shop beside a bare view and beside three books in Flask, in turns."""
    url = databases.make("SQLite", "demo")
    engine = make_engine(make_url(url))
    with make_sessions(engine).begin() as session:
        load(session, TERMS, datetime.now(UTC))
    engine.dispose()
    three = _filled(folder, databases, "SQLite", 3)
    with ExitStack() as ending:

        def start(kind: str, given: object) -> int:
            server = Server(kind, given)
            ending.callback(server.close)
            return server.port

        cached, few = start("shop", section(folder, url)), start("uncached", section(folder, three))
        with closing(Connection(cached)) as connection:
            _status, headers = connection.get("/")
        again = f"If-None-Match: {headers['etag']}"
        bare = start("bare", "x" * int(headers["content-length"]))
        flask = start("flask", "http://127.0.0.1:1")
        measures = {
            "a bare view of Pyramid's": (bare, "/", ()),
            "index, cached": (cached, "/", ()),
            "index, 304": (cached, "/", (again,)),
            "Flask, index": (flask, "/", ()),
            "index of three books, rendered": (few, "/", ()),
            "Flask, book": (flask, "/books/1", ()),
            "book, rendered": (few, f"/books/{feed.isbn(0)}", ()),
        }
        found = defaultdict(list)
        for number in range(ROUNDS + 1):
            for name, (port, path, headers) in measures.items():
                rate = a_second(port, [path], SECONDS if number else 1.0, *headers)
                if number:
                    found[name].append(rate)
    beside = {"index, cached": 0, "index, 304": 0, "index of three books, rendered": 3}
    beside["book, rendered"] = 5
    names = list(measures)
    table = Table("page", "a second", "beside", "ratio")
    for name, rates in found.items():
        row = [name, f"{statistics.median(rates):,.0f}"]
        if name in beside:
            other = names[beside[name]]
            ratios = [mine / theirs for mine, theirs in zip(rates, found[other], strict=True)]
            row += [other, f"{statistics.median(ratios):.2f}"]
        table.add_row(*row)
    console.print(table)


def measure(console: Console, folder: Path, postgres: Postgres, books: int) -> None:
    """Measure everything, and print tables."""
    databases = Databases(folder, postgres)
    throughput(console, folder, databases)
    large = imports(console, folder, databases, books)
    pages(console, folder, databases, large, books)
