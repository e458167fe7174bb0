"""A shop as tests need it: the real application and database, the sandbox for Stripe."""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import waitress.server
from msgspec import structs
from waitress import wasyncore
from webtest import TestApp

import bookshop
from bookshop import clock
from bookshop.catalogue.models import BookRecord
from bookshop.catalogue.version import bump_version
from bookshop.catalogue.writer import BookUpdate, StockCount, save_books
from bookshop.orders.models import Order
from bookshop.orders.snapshot import order_snapshot

SECRET_KEY = "sk_test_functional"
PUBLISHABLE_KEY = "pk_test_functional"
WEBHOOK_SECRET = "whsec_functional"
LIMITS = ("limits.newcomers", "limits.checkouts", "limits.payments", "limits.order_links")


def ini(var: Path, api_base: str, **changes: str) -> dict[str, str]:
    """The section of an INI; `changes` name keys with `__` for the dot."""
    section = {
        "bookshop.environment": "development",
        "bookshop.name": "The Test Bookshop",
        "bookshop.url": "http://localhost:6543",
        "bookshop.currency": "GBP",
        "bookshop.email": "hello@bookshop.example",
        "bookshop.secret": "0123456789abcdef0123456789abcdef",
        # One machine plays many customers; what is about limits sets its own.
        **dict.fromkeys(LIMITS, "9999/hour"),
        "limits.reservations": "9999",
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


def start_sandbox(folder: Path, webhook_url: str | None = None):
    """Start a sandbox with the keys of `ini`, on a free port, with its database in `folder`."""
    from bookshop.sandbox.options import Options
    from bookshop.sandbox.server import SandboxServer

    server = SandboxServer(
        Options(
            listen="localhost:0",
            secret_key=SECRET_KEY,
            publishable_key=PUBLISHABLE_KEY,
            webhook_url=webhook_url,
            webhook_secret=WEBHOOK_SECRET,
            database=folder / "sandbox.sqlite",
        )
    )
    server.start()
    return server


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
        with self.registry.services.sessions() as session:
            return [order_snapshot(order) for order in session.query(Order).order_by(Order.id)]

    def order(self, number: str):
        with self.registry.services.sessions() as session:
            return order_snapshot(session.query(Order).filter_by(number=number).one())

    def book(self, sku: str) -> BookRecord:
        with self.registry.services.sessions() as session:
            return session.query(BookRecord).filter_by(sku=sku).one()

    def change_book(self, of: str, /, **values: object) -> None:
        """Save a book with other values of its edition, as an import does.

        `stock` and `reserved` count copies; `amount` is the price in pounds, in minor units.
        """
        services = self.registry.services
        with services.sessions.begin() as session:
            book = session.query(BookRecord).filter_by(sku=of).one()
            stock = StockCount(values.pop("stock")) if "stock" in values else None
            reserved = values.pop("reserved", book.reserved)
            if (amount := values.pop("amount", None)) is not None:
                values["prices"] = tuple(
                    structs.replace(price, amount=amount) if price.currency == "GBP" else price
                    for price in book.edition.prices
                )
            changed = structs.replace(book.edition, **values)
            update = BookUpdate(changed, book.source, book.id, book.cover, stock)
            save_books(session.connection(), [update], services.sales_context, clock.now())
            book.sku, book.reserved = changed.sku, reserved
            bump_version(session)

    def close(self) -> None:
        self.registry.job_worker.stop()
        self.registry.mail_worker.stop()
        self.registry.services.payments.close()
        self.registry.services.engine.dispose()


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
        self._thread.join(60)
        self._server.task_dispatcher.shutdown()


class Controls:
    """The sandbox's own door for tests: faults, and what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url

    def fault(self, **fault: object) -> None:
        answer = self._call("POST", "/_sandbox/faults", fault)
        assert "error" not in answer, answer

    def clear(self) -> None:
        """End all faults and the pause; what they held goes out."""
        self._call("DELETE", "/_sandbox/faults")

    def pause(self) -> None:
        """No event goes out from now on but by `flush`, `deliver` and `redeliver`."""
        self._call("POST", "/_sandbox/deliveries/pause")

    def resume(self) -> None:
        self._call("POST", "/_sandbox/deliveries/resume")

    def flush(self) -> None:
        """All that is pending or held goes out now, retries and delayed ones too."""
        self._call("POST", "/_sandbox/deliveries/flush")

    def deliver(self, event: str) -> list[dict]:
        """An event goes out once more, to every endpoint that subscribes to its type."""
        return self._call("POST", f"/_sandbox/events/{event}/deliver")["data"]

    def redeliver(self, delivery: str) -> None:
        self._call("POST", f"/_sandbox/deliveries/{delivery}/redeliver")

    def deliveries(self, kind: str = "*") -> list[dict]:
        """The deliveries of events of a type, with `*` as wildcard, newest first."""
        found = self._call("GET", "/_sandbox/deliveries")["data"]
        return [each for each in found if fnmatch.fnmatchcase(each["type"], kind)]

    def until_delivered(self, timeout: float = 20) -> list[dict]:
        """All deliveries, once none is under way or due: what failed may be due again later."""
        deadline = time.monotonic() + timeout
        while self._call("GET", "/_sandbox/deliveries/waiting")["waiting"]:
            assert time.monotonic() < deadline, "events are still under way"
        return self.deliveries()

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

    def refund(self, payment: str, amount: int | None = None, reason: str | None = None) -> dict:
        """Refund a payment in Stripe's dashboard; the whole rest if no amount is given.

        `payment` is the id of a PaymentIntent or of its charge, here and below.
        """
        kind = "charge" if payment.startswith("ch_") else "payment_intent"
        return self.api(
            "POST", "/v1/refunds", _given(**{kind: payment}, amount=amount, reason=reason)
        )

    def settle_refund(self, refund: str, outcome: str) -> dict:
        """What becomes of a refund later: succeeded, failed or canceled."""
        return self._call("POST", f"/_sandbox/refunds/{refund}/settle", {"outcome": outcome})

    def dispute(self, payment: str, reason: str = "fraudulent", amount: int | None = None) -> dict:
        """The customer has the bank take the money back; an open inquiry becomes that dispute."""
        return self._on_charge(payment, "dispute", reason=reason, amount=amount)

    def inquire(self, payment: str, reason: str = "general") -> dict:
        """The bank only asks: a dispute `warning_needs_response`, no money taken."""
        return self._on_charge(payment, "dispute", reason=reason, inquiry="true")

    def settle_dispute(self, dispute: str, outcome: str) -> dict:
        """How the bank decides: won or lost; of an inquiry warning_closed."""
        return self._call("POST", f"/_sandbox/disputes/{dispute}/settle", {"outcome": outcome})

    def warn(self, payment: str) -> dict:
        """An early fraud warning of the card's issuer."""
        return self._on_charge(payment, "warn")

    def review(self, payment: str) -> dict:
        """Radar puts the payment before a person."""
        return self._on_charge(payment, "review")

    def close_review(self, review: str, outcome: str) -> dict:
        """What that person does: approved, or refunded_as_fraud."""
        return self._call("POST", f"/_sandbox/reviews/{review}/close", {"outcome": outcome})

    def intent(self, intent: str) -> dict:
        """A PaymentIntent whole: its charge, with refunds and review."""
        expand = {"expand[0]": "latest_charge.refunds", "expand[1]": "latest_charge.review"}
        return self.api("GET", f"/v1/payment_intents/{intent}", expand)

    def charges(self, intent: str) -> list[dict]:
        """The attempts to pay it, newest first, as are all lists."""
        return self._about("/v1/charges", intent)

    def refunds(self, intent: str) -> list[dict]:
        return self._about("/v1/refunds", intent)

    def disputes(self, intent: str) -> list[dict]:
        return self._about("/v1/disputes", intent)

    def warnings(self, intent: str) -> list[dict]:
        return self._about("/v1/radar/early_fraud_warnings", intent)

    def events(self, kind: str | None = None) -> list[dict]:
        """The newest hundred events, of one type where it is given."""
        return self.api("GET", "/v1/events", _given(limit=100, type=kind))["data"]

    def api(self, method: str, path: str, values: dict | None = None) -> dict:
        data = urllib.parse.urlencode(values or {})
        url = f"{self.url}{path}" + (f"?{data}" if method == "GET" else "")
        request = urllib.request.Request(url, method=method)
        request.add_header("Authorization", f"Bearer {SECRET_KEY}")
        if method == "POST":
            request.data = data.encode()
        return _json(request)

    def _about(self, path: str, intent: str) -> list[dict]:
        return self.api("GET", path, {"payment_intent": intent, "limit": 100})["data"]

    def _on_charge(self, payment: str, what: str, **values: object) -> dict:
        return self._call("POST", f"/_sandbox/charges/{payment}/{what}", _given(**values))

    def _call(self, method: str, path: str, values: dict | None = None) -> dict:
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        if values is not None:
            request.data = json.dumps(values).encode()
            request.add_header("Content-Type", "application/json")
        return _json(request)


def _given(**values: object) -> dict:
    return {name: value for name, value in values.items() if value is not None}


def _json(request: urllib.request.Request) -> dict:
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
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
