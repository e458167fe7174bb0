"""A fake Stripe whose replies a test decides, including failures below HTTP."""

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
class ReceivedRequest:
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
        self.server.fake_stripe.serve(
            self,
            ReceivedRequest(
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
        """Log nothing."""

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake_stripe: FakeStripe

    def handle_error(self, *_args: object) -> None:
        """Log nothing: tests provoke closed connections."""


Reply = Callable[[_Handler, "FakeStripe"], None]


def answer(body: object = None, status: int = 200, **headers: str) -> Reply:
    """JSON, by default an intent; `_` in a header's name becomes `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body or INTENT).encode()

    def reply(handler: _Handler, _fake_stripe: FakeStripe) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        length = {"Content-Length": str(len(content))}
        handler.begin(status, {"Request-Id": "req_1", **length, **named})
        handler.wfile.write(content)

    return reply


def refuse(status: int, kind: str, code: str | None = None, **more: object) -> Reply:
    """An error response."""
    headers = {name: str(more.pop(name)) for name in list(more) if name[0].isupper()}
    error = {"type": kind, "code": code, "message": "Card 4000000000000002 of Ada.", **more}
    return answer({"error": error}, status, **headers)


def hang(handler: _Handler, fake_stripe: FakeStripe) -> None:
    """No response until the end of the test."""
    fake_stripe.over.wait(60)
    handler.close_connection = True


def trickle(handler: _Handler, fake_stripe: FakeStripe) -> None:
    """A response that arrives byte by byte and never ends."""
    handler.begin(200, {"Content-Length": "1000000"})
    while not fake_stripe.over.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def stall(handler: _Handler, fake_stripe: FakeStripe) -> None:
    """The beginning of a response."""
    handler.begin(200, {"Content-Length": "1000"})
    handler.wfile.write(b"{")
    hang(handler, fake_stripe)


def cut(handler: _Handler, _fake_stripe: FakeStripe) -> None:
    """The connection closed during a response."""
    handler.begin(200, {"Content-Length": "1000"})
    handler.wfile.write(b"{}")
    handler.close_connection = True


def drop(handler: _Handler, _fake_stripe: FakeStripe) -> None:
    """The connection closed instead of a response."""
    handler.close_connection = True


def reset(handler: _Handler, _fake_stripe: FakeStripe) -> None:
    """The connection reset instead of a response."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


class FakeStripe:
    """Answers each request with the next of `replies`, or with an intent."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[ReceivedRequest] = []
        self.over = threading.Event()
        self._arrived = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.fake_stripe = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def reply_with(self, *replies: Reply) -> None:
        """Add replies, one for each request."""
        self.replies.extend(replies)

    def serve(self, handler: _Handler, request: ReceivedRequest) -> None:
        with self._arrived:
            self.requests.append(request)
            reply = self.replies.popleft() if self.replies else answer()
            self._arrived.notify_all()
        reply(handler, self)

    def wait_for(self, count: int) -> None:
        """Wait until that many requests have arrived."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, 10)

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(60)
