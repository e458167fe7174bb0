"""A shop as its customers meet it: server processes on one database, and the sandbox in another.

Nothing is shared with the processes but the INI, the network and the files: they may be killed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import secrets
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from pyramid.scripts import pserve
from sqlalchemy import event, update

from bookshop import cli
from bookshop.catalogue.models import BookRecord
from bookshop.db import make_engine
from bookshop.settings.parsers import database_url
from tests.shops import Controls, ini

# Below the ephemeral ports of the system: a port stays free while its server is dead.
PORTS = range(20_000, 32_000)
START_TIMEOUT = 60  # seconds for a program to start, or to end
LOOK_AGAIN = 0.02  # seconds
PROGRAMS: dict[str, Callable[[list[str]], object]] = {
    "pserve": lambda arguments: pserve.main(["pserve", *arguments]),
    "bookshop": cli.main,
}
# Each program is a process of its own, forked from one that has imported the shop: dozens of them
# start within the time of a few.
_NURSERY = multiprocessing.get_context("forkserver")
_NURSERY.set_forkserver_preload([__name__])


def free_port() -> int:
    """Return a port on which no program listens."""
    while True:
        port = PORTS.start + secrets.randbelow(len(PORTS))
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _run(command: tuple[str, ...], folder: Path, said: Path) -> None:
    """Be that program, in a process of its own, and end when the tests do."""
    tests = multiprocessing.parent_process()
    threading.Thread(target=lambda: (tests.join(), os._exit(1)), daemon=True).start()
    os.chdir(folder)
    for stream, suffix in ((sys.stdout, ".out"), (sys.stderr, ".err")):
        with said.with_suffix(suffix).open("w") as file:
            os.dup2(file.fileno(), stream.fileno())
    name, *arguments = command
    sys.argv = [name, *arguments]
    sys.exit(PROGRAMS[name](arguments))


def _be_patient(connection: sqlite3.Connection, _record: object) -> None:
    # Between busy servers a test waits for its turn longer than they do.
    connection.execute(f"PRAGMA busy_timeout = {START_TIMEOUT * 1000}")


class Program:
    """`pserve` or `bookshop` at work in a folder; what it says goes into files."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._said = folder / f"{command[0]}-{secrets.token_hex(4)}"
        for suffix in (".out", ".err"):
            self._said.with_suffix(suffix).touch()  # it may be killed before it says a word
        self.process = _NURSERY.Process(target=_run, args=(command, folder, self._said))
        self.process.start()

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready; AssertionError where it ends before, or takes too long."""
        deadline = time.monotonic() + START_TIMEOUT
        while not ready():
            self.process.join(LOOK_AGAIN)
            assert self.process.exitcode is None, self.errors
            assert time.monotonic() < deadline, self.errors

    def end(self) -> int:
        """Wait until it ends; return its exit code."""
        self.process.join(START_TIMEOUT)
        assert self.process.exitcode is not None, self.errors
        return self.process.exitcode

    def kill(self) -> None:
        """End it by SIGKILL, which no program hears."""
        self.process.kill()
        self.process.join()

    @property
    def output(self) -> str:
        return self._said.with_suffix(".out").read_text()

    @property
    def errors(self) -> str:
        return self._said.with_suffix(".err").read_text()


class Fleet:
    """One shop, served by several processes. `close` ends them, whatever has happened."""

    def __init__(self, folder: Path, database: str, servers: int, **changes: str) -> None:
        self.folder = folder
        self.var = folder / "var"
        self.var.mkdir(parents=True)
        self.mail_folder = folder / "mail"
        self.sandbox_file = self.var / "sandbox.sqlite"
        sandbox_port = free_port()
        self._ports = [free_port() for _ in range(servers)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        self.sandbox = Controls(f"http://127.0.0.1:{sandbox_port}")
        self.engine = make_engine(database_url(database))
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _be_patient)
        self._programs: list[Program] = []
        self._servers: dict[int, Program] = {}
        self._write_ini(database, sandbox_port, changes)
        with ExitStack() as otherwise:
            otherwise.callback(self.close)
            stripe = self.start("bookshop", "sandbox")
            for place in range(servers):
                self.launch(place)
            stripe.until(lambda: listens(sandbox_port))
            for place in range(servers):
                self.await_(place)
            otherwise.pop_all()

    def start(self, *command: str) -> Program:
        """`bookshop` or `pserve` with this shop's INI."""
        name, *arguments = command
        chosen = ["shop.ini"] if name == "pserve" else ["--config", "shop.ini"]
        self._programs.append(Program(self.folder, name, *chosen, *arguments))
        return self._programs[-1]

    def launch(self, place: int) -> None:
        """Start the server of that place, without waiting for it."""
        self._servers[place] = self.start("pserve", f"http_port={self._ports[place]}")

    def await_(self, place: int) -> None:
        """Wait until the server of that place accepts connections, restarted or not."""
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(self._ports[place]):
            self._servers[place].process.join(LOOK_AGAIN)
            assert time.monotonic() < deadline, self._servers[place].errors

    def kill(self, place: int) -> None:
        """SIGKILL for the server of that place."""
        self._servers[place].kill()

    def report(self, *arguments: str) -> tuple[int, dict]:
        """The exit code and the JSON of a command that reports."""
        command = self.start("bookshop", *arguments, "--json")
        code = command.end()
        assert command.output, command.errors
        return code, json.loads(command.output)

    def stock(self, copies: dict[str, int | None]) -> None:
        """Have so many copies of these books in the shop."""
        with self.engine.begin() as connection:
            for sku, stock in copies.items():
                book = update(BookRecord).where(BookRecord.sku == sku)
                connection.execute(book.values(stock=stock, reserved=0))

    def errors(self) -> str:
        """All that the programs have complained of."""
        return "".join(program.errors for program in self._programs)

    def close(self) -> None:
        for program in self._programs:
            program.kill()
        self.engine.dispose()

    def _write_ini(self, database: str, sandbox_port: int, changes: dict[str, str]) -> None:
        url = changes.get("bookshop__url") or self.urls[0]
        section = ini(
            self.var,
            self.sandbox.url,
            **{
                "bookshop__environment": "staging",
                "bookshop__url": url,
                "sqlalchemy__url": database,
                "mail__folder": str(self.mail_folder),
                "sandbox__listen": f"127.0.0.1:{sandbox_port}",
                "sandbox__webhook_url": f"{url}/webhooks/stripe",
                **changes,
            },
        )
        values = "\n".join(f"{key} = {value}" for key, value in section.items())
        (self.folder / "shop.ini").write_text(
            "[app:main]\nuse = egg:bookshop\n"
            + values.replace("%", "%%")
            + "\n[server:main]\nuse = egg:bookshop\nlisten = 127.0.0.1:%(http_port)s\n"
            "trusted_proxy = 127.0.0.1\n"
            "trusted_proxy_headers = x-forwarded-for x-forwarded-proto\n"
        )
