"""A sandbox on a free port for each test, the real SDK in front of it, a shop's endpoint behind."""

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import pytest
import stripe

from bookshop.sandbox.options import Options
from bookshop.sandbox.server import SandboxServer

SECRET_KEY = "sk_test_sandbox"
PUBLISHABLE_KEY = "pk_test_sandbox"
WEBHOOK_SECRET = "whsec_sandbox"
RETURN_URL = "http://localhost/success"
TIMEOUT = 20  # seconds, for what happens in another thread


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def error(self):
        return self.json["error"]


@dataclass
class Endpoint:
    """A shop's webhook endpoint: what it received, and the statuses that it answers in turn.

    `on_arrival` is called in the threads that answer, before they do.
    """

    url: str
    received: Queue = field(default_factory=Queue)
    statuses: list = field(default_factory=list)
    on_arrival: Callable[[], object] = lambda: None

    def next(self):
        """The next delivery: its headers and body."""
        return self.next_with_path()[:2]

    def next_with_path(self):
        """The same, and the path that it came to."""
        return self.received.get(timeout=TIMEOUT)


@pytest.fixture
def options(tmp_path):
    return Options(
        listen="localhost:0",
        secret_key=SECRET_KEY,
        publishable_key=PUBLISHABLE_KEY,
        webhook_url=None,
        webhook_secret=WEBHOOK_SECRET,
        database=tmp_path / "sandbox.sqlite",
    )


@pytest.fixture
def start():
    """Start a sandbox with some options; it ends with the test."""
    started = []

    def start_one(options):
        server = SandboxServer(options)
        started.append(server)
        server.start()
        return server

    yield start_one
    for server in started:
        server.stop()


@pytest.fixture
def sandbox(start, options):
    return start(options)


@pytest.fixture
def connect():
    """A client of the SDK for a server."""
    clients = []

    def connect_to(server, key=SECRET_KEY, **how):
        http_client = stripe.RequestsClient(timeout=TIMEOUT)
        clients.append(http_client)
        return stripe.StripeClient(
            key, base_addresses={"api": server.url}, http_client=http_client, **how
        ).v1

    yield connect_to
    for client in clients:
        client.close()


@pytest.fixture
def client(connect, sandbox):
    return connect(sandbox)


@pytest.fixture
def intent(client):
    return client.payment_intents.create({"amount": 1299, "currency": "gbp"})


@pytest.fixture
def confirm(client):
    """Confirm an intent with a test payment method, as a server does."""

    def confirm_with(intent, method, **params):
        given = {"payment_method": method, "return_url": RETURN_URL, **params}
        return client.payment_intents.confirm(intent.id, given)

    return confirm_with


@pytest.fixture
def send(sandbox):
    """Send one HTTP request and take whatever comes back."""

    def send_one(method, path, params=None, *, key=None, headers=None):
        encoded = params if isinstance(params, str) else urllib.parse.urlencode(params or {})
        url = sandbox.url + path + (f"?{encoded}" if encoded and method == "GET" else "")
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        request = urllib.request.Request(
            url,
            method=method,
            data=encoded.encode() if method == "POST" else None,
            headers={**authorization, **(headers or {})},
        )
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=TIMEOUT) as response:
                return Answer(response.status, response.headers, response.read().decode())
        except urllib.error.HTTPError as err:
            with err:
                return Answer(err.code, err.headers, err.read().decode())

    return send_one


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


@pytest.fixture
def from_browser(send):
    """Call an intent's operation as Stripe.js does."""

    def call(method, path, intent, params=None):
        known = {"key": PUBLISHABLE_KEY, "client_secret": intent.client_secret}
        return send(method, f"/v1/payment_intents/{intent.id}{path}", {**known, **(params or {})})

    return call


@pytest.fixture
def pay_by_card(from_browser):
    """Confirm with a card's number, as the Payment Element's frame does."""

    def pay(intent, number, **fields):
        card = {"number": number, "exp_month": "12", "exp_year": "2040", "cvc": "123", **fields}
        params = {f"payment_method_data[card][{name}]": value for name, value in card.items()}
        return from_browser(
            "POST",
            "/confirm",
            intent,
            {
                **params,
                "payment_method_data[type]": "card",
                "return_url": RETURN_URL,
                "use_stripe_sdk": "true",
            },
        )

    return pay


@pytest.fixture
def endpoint():
    """A webhook endpoint that answers 200, or the `statuses` that it is given first."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            # Before the answer, after which the next one comes, in another thread.
            receiving.received.put((self.headers, body, self.path))
            status = receiving.statuses.pop(0) if receiving.statuses else 200
            receiving.on_arrival()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiving = Endpoint(f"http://127.0.0.1:{server.server_port}/webhooks/stripe")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiving
    server.shutdown()
    thread.join()
    server.server_close()
