"""A shop as tests need it: the real application and database, the sandbox for Stripe."""

from __future__ import annotations

import json
import re
import shutil
import threading
import urllib.parse
import urllib.request
from pathlib import Path

import waitress.server
from waitress import wasyncore
from webtest import TestApp

import bookshop
from bookshop.catalogue.models import BookRecord
from bookshop.orders.models import Order
from bookshop.orders.report import by_number
from bookshop.orders.snapshot import snapshot

SECRET_KEY = "sk_test_functional"
PUBLISHABLE_KEY = "pk_test_functional"
WEBHOOK_SECRET = "whsec_functional"


def ini(var: Path, api_base: str, **changes: str) -> dict[str, str]:
    """The section of an INI; `changes` name keys with `__` for the dot."""
    section = {
        "bookshop.environment": "development",
        "bookshop.name": "The Test Shelf",
        "bookshop.url": "http://localhost:6543",
        "bookshop.currency": "GBP",
        "bookshop.email": "hello@shelf.example",
        "bookshop.secret": "0123456789abcdef0123456789abcdef",
        "bookshop.var": str(var),
        "sqlalchemy.url": f"sqlite:///{var / 'shop.sqlite'}",
        "stripe.secret_key": SECRET_KEY,
        "stripe.publishable_key": PUBLISHABLE_KEY,
        "stripe.webhook_secrets": WEBHOOK_SECRET,
        "stripe.api_base": api_base,
        "stripe.js_url": f"{api_base}/endive/stripe.js",
    }
    section.update({key.replace("__", "."): value for key, value in changes.items()})
    return section


class Shop:
    """A shop of a test's own, on a copy of a database that is migrated and filled."""

    def __init__(self, var: Path, template: Path, api_base: str, **changes: str) -> None:
        var.mkdir(parents=True, exist_ok=True)
        if not (var / "shop.sqlite").exists():
            shutil.copy(template, var / "shop.sqlite")
        self.var = var
        self.wsgi = bookshop.main({}, **ini(var, api_base, **changes))
        self.registry = self.wsgi.registry

    def visitor(self) -> TestApp:
        """A browser without cookies."""
        return TestApp(self.wsgi, extra_environ={"HTTP_HOST": "localhost:6543"})

    def orders(self) -> list[dict]:
        """All orders, the oldest first."""
        with self.registry.sessions() as session:
            return [snapshot(order) for order in session.query(Order).order_by(Order.id)]

    def order(self, number: str):
        with self.registry.sessions() as session:
            return by_number(session, number)

    def book(self, sku: str) -> BookRecord:
        with self.registry.sessions() as session:
            return session.query(BookRecord).filter_by(sku=sku).one()

    def change_book(self, of: str, /, **values: object) -> None:
        """What an operator changes behind the customers' backs."""
        with self.registry.sessions.begin() as session:
            book = session.query(BookRecord).filter_by(sku=of).one()
            amount = values.pop("amount", None)
            for name, value in values.items():
                setattr(book, name, value)
            for price in book.prices:
                if amount is not None and price.currency == "GBP":
                    price.amount = amount

    def close(self) -> None:
        self.registry.sweeper.stop()
        self.registry.payments.close()
        self.registry.engine.dispose()


class Served:
    """An application behind waitress, on a free port of loopback."""

    def __init__(self, wsgi, threads: int = 16) -> None:
        self._map: dict = {}
        self._server = waitress.server.create_server(
            wsgi,
            host="127.0.0.1",
            port=0,
            threads=threads,
            map=self._map,
            clear_untrusted_proxy_headers=True,
        )
        self.url = f"http://localhost:{self._server.effective_port}"
        self._thread = threading.Thread(
            target=wasyncore.loop, kwargs={"map": self._map}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        # In the thread that serves: it must not wait for what is closed already.
        self._server.trigger.pull_trigger(lambda: wasyncore.close_all(self._map))
        self._thread.join(5)
        self._server.task_dispatcher.shutdown()


class Controls:
    """The sandbox's own door for tests: faults, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, **fault: object) -> None:
        self._call("POST", "/_sandbox/faults", fault)

    def clear(self) -> None:
        self._call("DELETE", "/_sandbox/faults")

    def requests(self) -> list[dict]:
        return self._call("GET", "/_sandbox/requests")["data"]

    def settle(self, intent: str, outcome: str) -> None:
        self._call("POST", f"/_sandbox/payment_intents/{intent}/settle", {"outcome": outcome})

    def intents(self, order: str) -> list[dict]:
        """The PaymentIntents that name an order, as the account's owner sees them."""
        found = self.api("GET", "/v1/payment_intents", {"limit": 100})["data"]
        return [intent for intent in found if intent["metadata"].get("order") == order]

    def confirm(self, intent: str, card: str = "pm_card_visa") -> dict:
        """What Stripe.js does when the customer has pressed Pay."""
        path = f"/v1/payment_intents/{intent}/confirm"
        return self.api("POST", path, {"payment_method": card, "return_url": "http://localhost/"})

    def api(self, method: str, path: str, values: dict | None = None) -> dict:
        data = urllib.parse.urlencode(values or {})
        url = f"{self.url}{path}" + (f"?{data}" if method == "GET" else "")
        request = urllib.request.Request(url, method=method)
        request.add_header("Authorization", f"Bearer {SECRET_KEY}")
        if method == "POST":
            request.data = data.encode()
        return _json(request)

    def _call(self, method: str, path: str, values: dict | None = None) -> dict:
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        if values is not None:
            request.data = json.dumps(values).encode()
            request.add_header("Content-Type", "application/json")
        return _json(request)


def _json(request: urllib.request.Request) -> dict:
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
    except urllib.error.HTTPError as err:
        body = err.read()
    return json.loads(body or b"{}")


def pay_form(page) -> dict[str, str]:
    """What the checkout page's form would send, but for the e-mail."""
    form = page.forms["payment-form"]
    return {name: form[name].value for name in ("order", "revision", "csrf_token")}


def intent_of(page) -> str:
    """The PaymentIntent that a checkout page is about."""
    return re.search(r"success\?pi=(pi_\w+)", page.text)[1]
