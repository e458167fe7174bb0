"""A small HTTP client for benchmarks, with a low and constant cost."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

CONNECTIONS = 8
NOT_MODIFIED = 304


class Connection:
    """A connection, kept open as long as the server allows."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open()

    def _open(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str, *headers: str) -> tuple[int, dict[str, str]]:
        """Read a response to its end; return its status and headers."""
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError(path)
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        status, *named = head.decode("latin-1").split("\r\n")
        found = {
            name.lower(): value for name, _colon, value in (line.partition(": ") for line in named)
        }
        code = int(status.split(" ", 2)[1])
        left = (0 if code == NOT_MODIFIED else int(found["content-length"])) - len(body)
        while left > 0:
            left -= len(self._socket.recv(min(left, 65536)))
        if found.get("connection") == "close":  # as waitress does after a 304
            self.close()
            self._open()
        return code, found

    def close(self) -> None:
        self._socket.close()


def waits(port: int, paths: Iterable[str], *headers: str) -> list[float]:
    """Return the duration of each request in seconds, one after the other."""
    connection = Connection(port)
    found = []
    for path in paths:
        began = time.perf_counter()
        status, _headers = connection.get(path, *headers)
        found.append(time.perf_counter() - began)
        _check(path, status)
    connection.close()
    return found


def a_second(port: int, paths: Sequence[str], seconds: float, *headers: str) -> float:
    """Return the responses a second over several connections."""
    counts = [0] * CONNECTIONS
    end = time.perf_counter() + seconds

    def ask(place: int, wanted: Iterator[str]) -> None:
        connection = Connection(port)
        while time.perf_counter() < end:
            path = next(wanted)
            _check(path, connection.get(path, *headers)[0])
            counts[place] += 1
        connection.close()

    shifted = [paths[place:] + paths[:place] for place in range(CONNECTIONS)]
    threads = [
        threading.Thread(target=ask, args=(place, cycle(mine)))
        for place, mine in enumerate(shifted)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def _check(path: str, status: int) -> None:
    if status not in {200, NOT_MODIFIED}:
        message = f"{path} answered {status}"
        raise RuntimeError(message)
