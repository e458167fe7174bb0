"""Compare the shop with a bare Pyramid view and a plain Flask shop, all under waitress.

Contestants take turns in each round, so that other load on the machine affects all of them.
"""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import stripe
from rich.console import Console
from rich.table import Table

from tests.bench.http import Connection, a_second, waits
from tests.bench.measures import deliveries
from tests.bench.servers import Server, cpu_of, memory_of
from tests.demo_books import MOSS
from tests.load.fleet import START_TIMEOUT, Fleet, free_port, listens
from tests.load.people import Buyer, read
from tests.load.test_hanging_stripe import HANG, TIMEOUT, customers_at_checkout, p99_of_the_index
from tests.shops import SECRET_KEY

THREADS = 16
SECONDS = 3.0  # for each measure of throughput
ASKED = 200  # times for each measure of waiting
CHECKOUTS = 25
SLOW = 150  # milliseconds that a slow Stripe takes
REQUESTS = 10_000  # until memory is looked at again
PATHS = {
    "shop": {"index": "/", "list": "/books/", "book": f"/books/{MOSS}"},
    "Flask": {"index": "/", "book": "/books/1"},
    "bare view": {"index": "/"},
}
MILLI = 1000
PLENTY = 100_000  # copies
INTENTS = "/v1/payment_intents"


@dataclass(frozen=True)
class Row:
    """A measure: what, of which contestant, its unit, and the values of all rounds."""

    what: str
    who: str
    unit: str
    found: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.found)


class Results:
    """All measures, in order of appearance."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[float]] = defaultdict(list)

    def add(self, what: str, who: str, unit: str, value: float) -> None:
        self._found[what, who, unit].append(value)

    def rows(self) -> list[Row]:
        return [Row(*key, tuple(found)) for key, found in self._found.items()]

    def median(self, what: str, who: str) -> float:
        """The median of one of them. Raises KeyError."""
        (found,) = [row for row in self.rows() if (row.what, row.who) == (what, who)]
        return found.median


@dataclass
class Contestant:
    """A server and its process."""

    port: int
    pid: int


@contextmanager
def contestants(folder: Path, database: str) -> Iterator[tuple[Fleet, dict[str, Contestant]]]:
    """Start all contestants."""
    with ExitStack() as stack:
        fleet = Fleet(folder, database, 1, sandbox__webhook_url="", stripe__timeout=str(TIMEOUT))
        stack.callback(fleet.close)
        flask = Server("flask", fleet.sandbox.url, THREADS)
        stack.callback(flask.close)
        index = "x" * 20_000
        bare = Server("bare", index, THREADS)
        stack.callback(bare.close)
        shop = Contestant(int(fleet.urls[0].rpartition(":")[2]), fleet._servers[0].process.pid)
        yield (
            fleet,
            {
                "shop": shop,
                "Flask": Contestant(flask.port, flask._process.pid),
                "bare view": Contestant(bare.port, bare._process.pid),
            },
        )


def measure(console: Console, folder: Path, database: str, rounds: int) -> Results:
    """Measure everything in so many rounds."""
    results = Results()
    with contestants(folder, database) as (fleet, servers):
        fleet.stock({MOSS: PLENTY})
        for number in range(rounds):
            for page in ("index", "list", "book"):
                for who, paths in PATHS.items():
                    if page in paths:
                        _pages(results, page, who, servers[who], paths[page])
            _checkouts(results, fleet, servers)
            _hanging(results, fleet)
            console.print(f"Comparison {number + 1} of {rounds} is done.", highlight=False)
        _memory(results, folder)
        # Once: these events belong to orders that a shop places only once.
        results.add("webhooks, 16 at once", "shop", "a second", deliveries(fleet))
    for _round in range(rounds):
        _starts(results, folder)
    return results


def _pages(results: Results, page: str, who: str, server: Contestant, path: str) -> None:
    waits(server.port, [path] * 20)
    before, began = cpu_of(server.pid), time.perf_counter()
    rate = a_second(server.port, [path], SECONDS)
    used = cpu_of(server.pid) - before
    answered = rate * (time.perf_counter() - began)
    results.add(f"{page}, 8 at once", who, "a second", rate)
    results.add(f"{page}, processor", who, "µs each", used / answered * 1_000_000)
    alone = waits(server.port, [path] * ASKED)
    cuts = statistics.quantiles(alone, n=100)
    results.add(f"{page}, p50", who, "ms", cuts[49] * MILLI)
    results.add(f"{page}, p99", who, "ms", cuts[98] * MILLI)


def _checkouts(results: Results, fleet: Fleet, servers: dict[str, Contestant]) -> None:
    """Measure checkout and success page with a fast and a slow Stripe, and Stripe alone."""
    client = stripe.StripeClient(SECRET_KEY, base_addresses={"api": fleet.sandbox.url})
    params = {"amount": 2200, "currency": "gbp", "automatic_payment_methods": {"enabled": True}}
    for wait in (0, SLOW):
        if wait:
            for method, path in (("POST", INTENTS), ("GET", f"{INTENTS}/*")):
                fault = {"method": method, "path": path, "kind": "latency"}
                fleet.sandbox.fault(**fault, seconds=0, milliseconds=wait, times=10**6)
        found: dict[str, list[float]] = defaultdict(list)
        port = servers["Flask"].port
        for _time in range(CHECKOUTS):
            with _timed(found["Stripe itself"]):
                client.v1.payment_intents.create(params)
            with Buyer(fleet.urls[0], fleet.sandbox.url) as buyer:
                with _timed(found["shop"]):
                    shown = buyer.checkout(MOSS)
                page = read(shown)
                with _timed(found["shop, receipt"]):
                    buyer.success(page)
            with _timed(found["Flask"]):
                _get(port, "/checkout?item=1")
        fleet.sandbox.clear()
        at = f"Stripe at {wait} ms"
        if min(found["Stripe itself"]) * MILLI < wait:
            raise RuntimeError(at)
        for who, times in found.items():
            what, _comma, receipt = who.partition(", ")
            name = f"success, {at}" if receipt else f"checkout, {at}"
            results.add(name, what, "ms", statistics.median(times) * MILLI)
        over = statistics.median(found["shop"]) - statistics.median(found["Stripe itself"])
        results.add(f"checkout beyond Stripe, {at}", "shop", "ms", over * MILLI)
        over = statistics.median(found["Flask"]) - statistics.median(found["Stripe itself"])
        results.add(f"checkout beyond Stripe, {at}", "Flask", "ms", over * MILLI)


def _hanging(results: Results, fleet: Fleet) -> None:
    url, waited = fleet.urls[0], []
    alone = p99_of_the_index(url)
    fleet.sandbox.fault(**HANG, times=10_000)
    with customers_at_checkout(url, waited):
        beside = p99_of_the_index(url)
    fleet.sandbox.clear()
    results.add("index, p99, 4 at once", "shop", "ms", alone * MILLI)
    results.add("index, p99, 4 at once, Stripe hangs, 50 pay", "shop", "ms", beside * MILLI)
    longest = max(seconds for _status, seconds in waited)
    results.add(f"longest wait at checkout (time-out {TIMEOUT} s)", "shop", "s", longest)
    deadline = time.monotonic() + START_TIMEOUT
    while _get(int(url.rpartition(":")[2]), f"/checkout?item={MOSS}") != http.client.OK:
        if time.monotonic() > deadline:
            raise TimeoutError(url)


def _memory(results: Results, folder: Path) -> None:
    """Measure a server started by pserve: the fleet's are forked from a process with the tests."""
    paths = ["/", "/books/", f"/books/{MOSS}", "/books/?sort=title", "/orders/", "/sitemap.xml"]
    with _started(PSERVE, folder) as (process, port):
        results.add("memory at the start", "shop", "MiB", memory_of(process.pid))
        for thousands in (REQUESTS, 2 * REQUESTS):
            connection = Connection(port)
            for number in range(REQUESTS):
                path = paths[number % len(paths)]
                if path == "/sitemap.xml":  # is streamed: it has no Content-Length
                    _get(port, path)
                else:
                    connection.get(path)
            connection.close()
            what = f"memory after {thousands:,} requests"
            results.add(what, "shop", "MiB", memory_of(process.pid))


PSERVE = ("-m", "pyramid.scripts.pserve", "shop.ini", "http_port={port}")
BARE = """
import sys
import stripe
from pyramid.config import Configurator
from pyramid.response import Response
from waitress import serve
with Configurator() as config:
    config.add_view(lambda _request: Response("alive"))
    serve(config.make_wsgi_app(), host="127.0.0.1", port=int(sys.argv[1]))
"""


def _starts(results: Results, folder: Path) -> None:
    """Measure the time to the first response: the shop with pserve, and a bare view with stripe."""
    for who, command in (
        ("shop", PSERVE),
        ("bare view, and import stripe", ("-c", BARE, "{port}")),
    ):
        began = time.perf_counter()
        with _started(command, folder):
            results.add("start", who, "s", time.perf_counter() - began)


@contextmanager
def _started(
    command: tuple[str, ...], folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a server and wait for its first response; `{port}` in its command is its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *(word.replace("{port}", str(port)) for word in command)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not listens(port):
            if process.poll() is not None:
                raise RuntimeError(command)
            time.sleep(0.005)
        _get(port, "/health/live")
        yield process, port
    finally:
        process.kill()
        process.wait()


def _get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@contextmanager
def _timed(found: list[float]) -> Iterator[None]:
    began = time.perf_counter()
    yield
    found.append(time.perf_counter() - began)


def bounds(results: Results) -> list[tuple[str, float, str, bool]]:
    """Return the bounds, the measured values, and whether they hold."""
    index, flask = (results.median("index, 8 at once", who) for who in ("shop", "Flask"))
    over = results.median("checkout beyond Stripe, Stripe at 0 ms", "shop")
    start = results.median("start", "shop")
    least = results.median("start", "bare view, and import stripe")
    memory = results.median(f"memory after {REQUESTS:,} requests", "shop")
    in_mb = memory * 2**20 / 1_000_000
    more = results.median(f"memory after {2 * REQUESTS:,} requests", "shop") - memory
    alone = results.median("index, p99, 4 at once", "shop")
    beside = results.median("index, p99, 4 at once, Stripe hangs, 50 pay", "shop")
    return [
        ("index: times Flask's throughput, 1.5 or more", index / flask, "×", index / flask >= 1.5),
        ("checkout beyond Stripe's own time, under 15 ms", over, "ms", over < 15),
        ("start: times bare Pyramid with stripe, under 2", start / least, "×", start / least < 2),
        (f"memory after {REQUESTS:,} requests, under 120 MB", in_mb, "MB", in_mb < 120),
        (f"and after {REQUESTS:,} more: growth, under 2 MiB", more, "MiB", more < 2),
        (
            "index's p99 while Stripe hangs, times alone, under 2",
            beside / alone,
            "×",
            beside < 2 * alone,
        ),
    ]


def show(console: Console, results: Results) -> None:
    """Print tables of the results and the bounds."""
    table = Table("measure", "of", "unit")
    for column in ("median", "lowest", "highest"):
        table.add_column(column, justify="right")
    for row in results.rows():
        numbers = (row.median, min(row.found), max(row.found))
        table.add_row(row.what, row.who, row.unit, *(f"{number:,.2f}" for number in numbers))
    console.print(table)
    for what, found, unit, kept in bounds(results):
        console.print(f"{'kept    ' if kept else 'NOT KEPT'} {what}: {found:.2f} {unit}")
