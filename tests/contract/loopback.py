"""Two small servers on loopback: one that notes what passes between a client and the sandbox, one
that takes webhooks.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Lock, Thread
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import stripe
import urllib3

from .exchanges import Exchange

#: Headers that belong to one connection, not to the message (RFC 9110, 7.6.1).
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})


class _Serves(Protocol):
    url: str

    def handle(self, request: BaseHTTPRequestHandler) -> None: ...


_Server = TypeVar("_Server", bound=_Serves)


class Recorder:
    """Passes requests on to another server unchanged and keeps each with its answer."""

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self._upstream = upstream.rstrip("/")
        self._pool = urllib3.PoolManager(retries=False, timeout=30)
        self._lock = Lock()
        self._exchanges: list[Exchange] = []

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges so far, oldest first."""
        with self._lock:
            return list(self._exchanges)

    def clear(self) -> None:
        """Forget them."""
        with self._lock:
            self._exchanges.clear()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Pass one request on, its answer back, and note both."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        sent = {name.lower(): value for name, value in request.headers.items()}
        answer = self._pool.request(
            request.command,
            self._upstream + request.path,
            body=body,
            headers={name: value for name, value in sent.items() if name not in HOP_BY_HOP},
            redirect=False,
            preload_content=True,
        )
        came = {name.lower(): value for name, value in answer.headers.items()}
        target = urlsplit(request.path)
        with self._lock:
            self._exchanges.append(
                Exchange(
                    method=request.command,
                    path=target.path,
                    query=target.query,
                    form=body.decode(),
                    request_headers=sent,
                    status=answer.status,
                    headers=came,
                    text=answer.data.decode(),
                )
            )
        _answer(request, answer.status, came, answer.data)


class WebhookReceiver:
    """An endpoint for events: checks each signature with stripe-python and keeps the payload."""

    def __init__(self, secret: str) -> None:
        self.url = ""
        self._secret = secret
        self._arrival = Condition()
        self._events: list[dict[str, Any]] = []
        self.refused: list[Exception] = []

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Take one delivery, or answer 400 as a shop must."""
        payload = request.rfile.read(int(request.headers["Content-Length"]))
        signature = request.headers["Stripe-Signature"]
        status = 200
        with self._arrival:
            try:
                stripe.Webhook.construct_event(payload, signature, self._secret)
                self._events.append(json.loads(payload))
            except (ValueError, stripe.SignatureVerificationError) as error:
                self.refused.append(error)
                status = 400
            self._arrival.notify_all()
        _answer(request, status, {}, b"")

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event so far, in the order of arrival."""
        with self._arrival:
            return list(self._events)

    def wait(self, event_type: str, object_id: str, seconds: float = 10) -> dict[str, Any]:
        """The first event of a type about an object, once it is here; TimeoutError if it is not."""
        wanted = (event_type, object_id)
        with self._arrival:
            if self._arrival.wait_for(lambda: self._find(wanted) is not None, seconds):
                return self._find(wanted) or {}
        raise TimeoutError(f"no {event_type} about {object_id}; refused: {self.refused}")

    def _find(self, wanted: tuple[str, str]) -> dict[str, Any] | None:
        for event in self._events:
            if (event["type"], event["data"]["object"]["id"]) == wanted:
                return event
        return None


@contextmanager
def serving(server: _Server) -> Iterator[_Server]:
    """Serve on a free port of loopback, `server.url`, for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.handle(self)

        def do_POST(self) -> None:
            server.handle(self)

        def do_DELETE(self) -> None:
            server.handle(self)

        def log_message(self, *_args: object) -> None:
            """Tests have a report of their own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        server.url = f"http://127.0.0.1:{listening.server_port}"
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


def _answer(
    request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    request.send_response_only(status)
    for name, value in headers.items():
        if name not in HOP_BY_HOP:
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
