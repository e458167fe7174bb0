"""`[server:main] use = egg:bookshop`: waitress, which ends without losing a request.

SIGTERM and Ctrl-C have it take no more connections, finish what is under way, and end. Where
systemd holds the sockets (LISTEN_FDS), whoever comes meanwhile waits for the next process.

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

FIRST_SOCKET = 3  # the file descriptor, as systemd counts
LISTEN = "127.0.0.1:6543"
SHUTDOWN_TIMEOUT = 30  # seconds
LOOK_AGAIN = 0.1  # seconds
M_ARENA_MAX = -8  # in glibc's malloc.h
QUIET = 1  # seconds that a connection may be silent while the shop ends
DEFAULTS: dict[str, Any] = {
    "threads": 16,
    # The largest that is ever sent are Stripe's events, of a few hundred kilobytes.
    "max_request_body_size": 2**20,
    "max_request_header_size": 2**15,
    "channel_timeout": 60,
    "connection_limit": 1000,
    "asyncore_use_poll": True,  # select() knows no more than 1024 files
    "ident": None,
}

App = Callable[..., Iterable[bytes]]


def serve(app: App, _global: Mapping[str, str] | None, **options: str) -> None:
    """Serve until SIGTERM or Ctrl-C. `options` are waitress's, and `shutdown_timeout` (seconds).

    An address that is taken ends the program with exit code 2, and no traceback.
    """
    timeout = int(options.pop("shutdown_timeout", SHUTDOWN_TIMEOUT))
    _share_memory()
    sockets = list(_activated(os.environ))
    where: dict[str, Any] = {"sockets": sockets} if sockets else {"listen": LISTEN}
    for name in ("listen", "host", "port", "unix_socket"):
        if sockets:
            options.pop(name, None)
        elif name in options:
            where.pop("listen", None)
    connections: dict[int, Any] = {}
    try:
        server = create_server(app, map=connections, **DEFAULTS | where | options)
    except OSError as err:
        if err.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}:
            raise
        address = options.get("listen", LISTEN)
        sys.stderr.write(
            f"The shop did not start: it cannot listen at {address}: {err.strerror}.\n"
            "  write: listen = … in [server:main], or end the program that listens there\n"
        )
        raise SystemExit(2) from None
    server.print_listen("Serving on http://{}:{}")
    _run(server.task_dispatcher, connections, timeout, drain=not sockets)
    _stop_threads(app)


def _share_memory() -> None:
    """Have all threads take memory from the same two arenas, where the C library is glibc.

    By itself each thread keeps what it has used once for itself: 13 MB more after a day's pages.
    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)


def _activated(environ: Mapping[str, str]) -> Iterator[socket.socket]:
    """The listening sockets that systemd has opened for this process."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return
    for number in range(int(environ.get("LISTEN_FDS", "0"))):
        yield socket.socket(fileno=FIRST_SOCKET + number)


def _run(dispatcher: Any, connections: dict[int, Any], timeout: int, *, drain: bool) -> None:
    """Serve until told to end; then finish, within `timeout` seconds.

    `drain` takes those who wait to be accepted too, as nobody else will.
    """
    trigger = next(each.trigger for each in _listeners(connections))
    told = threading.Event()
    with _on_sigterm(told, trigger):
        try:
            while not told.is_set():
                _turn(connections, timeout=1)
            _close_listeners(connections, drain=drain)
            deadline = time.monotonic() + timeout
            while _busy(connections) and time.monotonic() < deadline:
                _turn(connections, timeout=LOOK_AGAIN)
        except KeyboardInterrupt:
            _close_listeners(connections, drain=False)
        dispatcher.shutdown(timeout=LOOK_AGAIN)
    wasyncore.close_all(connections)


@contextmanager
def _on_sigterm(told: threading.Event, trigger: Any) -> Iterator[None]:
    def tell(_number: int, _frame: object) -> None:
        told.set()
        trigger.pull_trigger()  # wakes the loop

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _turn(connections: dict[int, Any], timeout: float) -> None:
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
    """Whether somebody is being served; who is silent for a while is let go."""
    now, busy = time.time(), False
    for each in list(connections.values()):
        if isinstance(each, HTTPChannel):
            idle = not each.requests and not each.total_outbufs_len and each.request is None
            if idle and now - each.last_activity > QUIET:
                each.handle_close()
            else:
                busy = True
    return busy


def _stop_threads(app: object) -> None:
    """End what the shop does in the background: what is under way is finished."""
    registry = getattr(app, "registry", None)
    for name in ("sweeper", "postman"):
        if hasattr(registry, name):
            getattr(registry, name).stop()
