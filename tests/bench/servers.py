"""Servers to measure, each a process of its own under the same waitress: `python -m` this module.

`close` ends a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import waitress

import bookshop
from tests.bench.plain import bare_pyramid, flask_shop
from tests.load.fleet import START_TIMEOUT, free_port, listens
from tests.shops import SECRET_KEY

THREADS = 4


class Server:
    """One server on a port of its own. `kind` is a function of this module, below."""

    def __init__(self, kind: str, given: object, threads: int = THREADS) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", __name__, kind, json.dumps(given), str(self.port)]
        self._process = subprocess.Popen([*command, str(threads)])
        deadline = time.monotonic() + START_TIMEOUT
        while not listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                message = f"the server {kind} did not start"
                raise RuntimeError(message)
            time.sleep(0.02)

    @property
    def seconds_of_cpu(self) -> float:
        """How long it has been at work."""
        return cpu_of(self._process.pid)

    @property
    def memory(self) -> float:
        """What it holds in memory, in MiB."""
        return memory_of(self._process.pid)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def memory_of(pid: int) -> float:
    """What a process holds in memory, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def cpu_of(pid: int) -> float:
    """For how many seconds a process has been at work."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shop(ini: dict[str, str]) -> object:
    """The shop of a section of an INI."""
    return bookshop.main({}, **ini)


def uncached(ini: dict[str, str]) -> object:
    """The same, which renders each page again."""
    app = bookshop.main({}, **ini)
    app.registry.services.page_cache._max_bytes = 0
    return app


def bare(body: str) -> object:
    """One view of Pyramid's that answers `body`."""
    return bare_pyramid(body.encode())


def flask(stripe_url: str) -> object:
    """Three books in Flask."""
    return flask_shop(SECRET_KEY, stripe_url)


def main() -> None:
    """Serve what the command line names."""
    kind, given, port, threads = sys.argv[1:]
    kinds = {"shop": shop, "uncached": uncached, "bare": bare, "flask": flask}
    app = kinds[kind](json.loads(given))
    waitress.serve(app, host="127.0.0.1", port=int(port), threads=int(threads), _quiet=True)


if __name__ == "__main__":
    main()
