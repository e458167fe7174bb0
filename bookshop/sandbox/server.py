"""The sandbox's server: waitress in daemon threads."""

from __future__ import annotations

import errno
import json
import logging
import socket
import sqlite3
import struct
import threading
import urllib.request
from functools import partial
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import Task, ThreadedTaskDispatcher, WSGITask
from waitress.trigger import trigger

from bookshop.sandbox.api.dispatch import ABORT
from bookshop.sandbox.app import make_app
from bookshop.sandbox.control.views import NAME
from bookshop.sandbox.options import Options, OptionsError
from bookshop.sandbox.state import Sandbox

LOG = logging.getLogger(__name__)
MAX_THREADS = 64  # more than a shop uses at once, so that hanging requests leave some free
MAX_BODY_BYTES = 1_000_000
IDENTIFY_TIMEOUT = 2.0  # seconds that the program on our port has to identify itself


class _Task(WSGITask):
    """A task that lets its application reset the connection, which WSGI cannot do."""

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[ABORT] = partial(_reset_on_close, self.channel)
        return environ


class _Channel(HTTPChannel):
    task_class = _Task


def _reset_on_close(channel: Any) -> None:
    """Make the channel send RST instead of FIN when it is closed."""
    channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class _GrowingThreadPool(ThreadedTaskDispatcher):
    """A thread pool that grows when all threads are busy."""

    def add_task(self, task: Task) -> None:
        with self.lock:
            self.queue.append(task)
            self.queue_cv.notify()
            idle = len(self.threads) - self.stop_count - self.active_count
            needed = len(self.threads) + (len(self.queue) > idle)
        self.set_thread_count(min(needed, MAX_THREADS))


class SandboxServer:
    """A sandbox on a port of this machine.

    `start` returns when it listens, and raises OptionsError if it cannot; `stop` frees the port.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._port = options.port
        self._sandbox: Sandbox | None = None
        self._map: Any = {}  # waitress's open sockets by file descriptor

    @property
    def url(self) -> str:
        """Return the address. With port 0 it is known once the server has started."""
        host = self.options.listen.rpartition(":")[0]
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """Listen, and serve in daemon threads."""
        try:
            sandbox = Sandbox.open(self.options)
        except (sqlite3.Error, OSError) as err:
            raise OptionsError(f"sandbox.database: {self.options.database}: {err}") from err
        try:
            self._server = self._listen(make_app(sandbox))
        except BaseException:
            sandbox.close()
            raise
        self._sandbox = sandbox
        self._trigger = trigger(self._map)
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._thread.start()
        sandbox.deliverer.start()

    def stop(self) -> None:
        """Finish requests in progress, free the port, close the database. Idempotent."""
        if self._sandbox is None:
            return
        sandbox, self._sandbox = self._sandbox, None
        sandbox.faults.clear()
        self._trigger.pull_trigger(self._close)
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        sandbox.close()

    def _listen(self, app: Any) -> Any:
        # localhost has two addresses, and a port may be free on one of them only.
        host = "127.0.0.1" if self._port == 0 and self.options.host == "localhost" else None
        listen = f"{host}:0" if host else self.options.listen
        try:
            server = create_server(
                app,
                self._map,
                _dispatcher=_GrowingThreadPool(),
                listen=listen,
                max_request_body_size=MAX_BODY_BYTES,
            )
        except (OSError, ValueError) as err:
            wasyncore.close_all(self._map)
            if getattr(err, "errno", None) == errno.EADDRINUSE:
                raise PortTakenError(self.options.listen) from err
            raise OptionsError(f"sandbox.listen: {self.options.listen}: {err}") from err
        listening: list[Any] = [
            each for each in self._map.values() if isinstance(each, BaseWSGIServer)
        ]
        for each in listening:
            each.channel_class = _Channel
            self._port = each.effective_port
        return server

    def _close(self, _: None = None) -> None:
        # In the serving thread, which ends when no socket is open.
        wasyncore.close_all(self._map)

    def _serve(self) -> None:
        wasyncore.loop(map=self._map)


class PortTakenError(OptionsError):
    """Another program listens on the sandbox's address."""

    def __init__(self, listen: str) -> None:
        super().__init__(
            f"sandbox.listen: another program listens at {listen}\n"
            "    stop it, or write another port: sandbox.listen = localhost:6545"
        )


def is_sandbox_at(url: str, publishable_key: str) -> bool:
    """Return True if a sandbox with this publishable key responds at `url`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/_sandbox", timeout=IDENTIFY_TIMEOUT) as response:
            identity = json.loads(response.read(MAX_BODY_BYTES))
    except (OSError, ValueError):
        return False
    return bool(identity == {"sandbox": NAME, "publishable_key": publishable_key})
