"""`[server:main] use = egg:bookshop`: waitress with a graceful shutdown.

On SIGTERM and Ctrl-C the server accepts no new connections, finishes running requests, and exits.
Where systemd holds the sockets (LISTEN_FDS), new connections wait for the next process.

https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server

FIRST_SOCKET = 3  # file descriptor, SD_LISTEN_FDS_START
LISTEN = "127.0.0.1:6543"
SHUTDOWN_TIMEOUT = 30  # seconds
POLL_INTERVAL = 0.1  # seconds
M_ARENA_MAX = -8  # in glibc's malloc.h
IDLE_TIMEOUT = 1  # seconds, of a connection during the shutdown
DEFAULTS: dict[str, Any] = {
    "threads": 16,
    # Stripe's events are the largest requests: a few hundred kilobytes.
    "max_request_body_size": 2**20,
    "max_request_header_size": 2**15,
    "channel_timeout": 60,
    "connection_limit": 1000,
    "asyncore_use_poll": True,  # select() handles at most 1024 files
    "ident": None,
}

App = Callable[..., Iterable[bytes]]


def serve(app: App, _global: Mapping[str, str] | None, **options: str) -> None:
    """Serve until SIGTERM or Ctrl-C.

    `options` are waitress's options and `shutdown_timeout` (seconds). If an address cannot be
    used, exit with code 2 and a message without a traceback.
    """
    timeout = int(options.pop("shutdown_timeout", SHUTDOWN_TIMEOUT))
    _limit_memory_arenas()
    sockets = list(_systemd_sockets(os.environ))
    addresses: dict[str, Any] = {"sockets": sockets} if sockets else {"listen": LISTEN}
    for name in ("listen", "host", "port", "unix_socket"):
        if sockets:
            options.pop(name, None)
        elif name in options:
            addresses.pop("listen", None)
    connections: dict[int, Any] = {}
    try:
        server = create_server(app, map=connections, **DEFAULTS | addresses | options)
    except OSError as err:
        if err.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
            raise
        address = options.get("listen", LISTEN)
        sys.stderr.write(
            f"The shop did not start: it cannot listen at {address} ({err.strerror}).\n"
            "  write: listen = … in [server:main], or stop the program that listens there\n"
        )
        raise SystemExit(2) from None
    server.print_listen("Serving on http://{}:{}")
    _run(server.task_dispatcher, connections, timeout, drain=not sockets)
    _stop_workers(app)


def _limit_memory_arenas() -> None:
    """Let all threads allocate memory from two arenas, if the C library is glibc.

    By default each thread keeps freed memory in an arena of its own: 13 MB more after a day.
    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)


def _systemd_sockets(environ: Mapping[str, str]) -> Iterator[socket.socket]:
    """Yield the listening sockets that systemd opened for this process."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return
    for number in range(int(environ.get("LISTEN_FDS", "0"))):
        yield socket.socket(fileno=FIRST_SOCKET + number)


def _run(dispatcher: Any, connections: dict[int, Any], timeout: int, *, drain: bool) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish running requests within `timeout` seconds.

    A second Ctrl-C stops at once. `drain` also serves connections that wait to be accepted, since
    no other process will.
    """
    trigger = next(each.trigger for each in _listeners(connections))
    stopping = threading.Event()
    with _on_stop_signal(stopping, trigger):
        try:
            while not stopping.is_set():
                _poll(connections, timeout=1)
            _close_listeners(connections, drain=drain)
            deadline = time.monotonic() + timeout
            while _busy(connections) and time.monotonic() < deadline:
                _poll(connections, timeout=POLL_INTERVAL)
        except KeyboardInterrupt:
            _close_listeners(connections, drain=False)
        dispatcher.shutdown(timeout=POLL_INTERVAL)
    wasyncore.close_all(connections)


@contextmanager
def _on_stop_signal(stopping: threading.Event, trigger: Any) -> Iterator[None]:
    """Set `stopping` on the first SIGTERM or Ctrl-C."""

    def handle(_signal: int, _frame: object) -> None:
        stopping.set()
        trigger.pull_trigger()  # wakes the loop
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _poll(connections: dict[int, Any], timeout: float) -> None:
    wasyncore.loop(timeout=timeout, use_poll=True, map=connections, count=1)


def _listeners(connections: dict[int, Any]) -> list[Any]:
    return [each for each in connections.values() if isinstance(each, BaseWSGIServer)]


def _close_listeners(connections: dict[int, Any], *, drain: bool) -> None:
    for listener in _listeners(connections):
        before = -1
        while drain and len(connections) != before:
            before = len(connections)
            listener.handle_accept()
        listener.del_channel(connections)
        listener.socket.close()


def _busy(connections: dict[int, Any]) -> bool:
    """True while requests are served; close connections that are idle."""
    now, busy = time.time(), False
    for each in list(connections.values()):
        if isinstance(each, HTTPChannel):
            idle = not each.requests and not each.total_outbufs_len and each.request is None
            if idle and now - each.last_activity > IDLE_TIMEOUT:
                each.handle_close()
            else:
                busy = True
    return busy


def _stop_workers(app: object) -> None:
    """Stop the background workers; each finishes its current task."""
    registry = getattr(app, "registry", None)
    for name in ("job_worker", "mail_worker"):
        if hasattr(registry, name):
            getattr(registry, name).stop()
