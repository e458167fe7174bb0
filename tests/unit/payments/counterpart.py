"""A Stripe of a few lines that does what a test says, failures below HTTP included."""

from __future__ import annotations

import json
import socket
import struct
import threading
import urllib.parse
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1299,
    "amount_received": 0,
    "cancellation_reason": None,
    "client_secret": "pi_1_secret_Confidential",
    "created": 1_780_000_000,
    "currency": "gbp",
    "last_payment_error": None,
    "latest_charge": None,
    "livemode": False,
    "metadata": {"order": "K7QM-2X9T-4BCD"},
    "shipping": None,
    "status": "requires_payment_method",
}


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    connection: tuple


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.counterpart.serve(
            self,
            Asked(
                self.command,
                address.path,
                dict(urllib.parse.parse_qsl(address.query)),
                dict(urllib.parse.parse_qsl(body)),
                {name.lower(): value for name, value in self.headers.items()},
                self.client_address,
            ),
        )

    do_GET = do_POST = _serve  # noqa: N815 - the names are those of http.server

    def log_message(self, *_args: object) -> None:
        """Say nothing: the test looks at what was asked."""

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    counterpart: Counterpart

    def handle_error(self, *_args: object) -> None:
        """Say nothing: clients that hang up are what tests are about."""


Reply = Callable[[_Handler, "Counterpart"], None]


def answer(body: object = None, status: int = 200, **headers: str) -> Reply:
    """JSON, an intent where nothing else is given; `_` in a header's name stands for `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body or INTENT).encode()

    def reply(handler: _Handler, _counterpart: Counterpart) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        length = {"Content-Length": str(len(content))}
        handler.begin(status, {"Request-Id": "req_1", **length, **named})
        handler.wfile.write(content)

    return reply


def refuse(status: int, kind: str, code: str | None = None, **more: object) -> Reply:
    """An error of Stripe's."""
    headers = {name: str(more.pop(name)) for name in list(more) if name[0].isupper()}
    error = {"type": kind, "code": code, "message": "Card 4000000000000002 of Ada.", **more}
    return answer({"error": error}, status, **headers)


def hang(handler: _Handler, counterpart: Counterpart) -> None:
    """No answer, until the test is over."""
    counterpart.over.wait(30)
    handler.close_connection = True


def trickle(handler: _Handler, counterpart: Counterpart) -> None:
    """An answer that comes a byte at a time, and never ends."""
    handler.begin(200, {"Content-Length": "1000000"})
    while not counterpart.over.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def stall(handler: _Handler, counterpart: Counterpart) -> None:
    """The beginning of an answer, and nothing more."""
    handler.begin(200, {"Content-Length": "1000"})
    handler.wfile.write(b"{")
    hang(handler, counterpart)


def cut(handler: _Handler, _counterpart: Counterpart) -> None:
    """The connection closed in the middle of an answer."""
    handler.begin(200, {"Content-Length": "1000"})
    handler.wfile.write(b"{}")
    handler.close_connection = True


def drop(handler: _Handler, _counterpart: Counterpart) -> None:
    """The connection closed instead of an answer."""
    handler.close_connection = True


def reset(handler: _Handler, _counterpart: Counterpart) -> None:
    """The connection reset instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


class Counterpart:
    """Answers each request by the next of `replies`, and with an intent when there is none."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self._arrived = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.counterpart = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def will(self, *replies: Reply) -> None:
        """Do this, one after the other."""
        self.replies.extend(replies)

    def serve(self, handler: _Handler, asked: Asked) -> None:
        with self._arrived:
            self.asked.append(asked)
            reply = self.replies.popleft() if self.replies else answer()
            self._arrived.notify_all()
        reply(handler, self)

    def wait_for(self, count: int) -> None:
        """Wait until that many requests have arrived."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.asked) >= count, 10)

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
