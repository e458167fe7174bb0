"""Dashboard pages: payments and API requests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from bookshop.sandbox.api import request_log
from bookshop.sandbox.dashboard import money as later_money
from bookshop.sandbox.objects import currencies
from bookshop.sandbox.state import Sandbox
from bookshop.sandbox.store import Object

MOST = 200


def payments(request: Request) -> dict[str, Any]:
    """All payments, newest first."""
    store = _sandbox(request).store
    found = [each for each, _ in zip(store.select("payment_intent"), range(MOST), strict=False)]
    charges = {each["id"]: store.find("charge", each["latest_charge"]) for each in found}
    return {"page": "payments", "intents": found, "charges": charges}


def payment(request: Request) -> dict[str, Any]:
    """One payment: attempts, refunds, disputes, and events."""
    store = _sandbox(request).store
    intent = store.find("payment_intent", request.matchdict["id"])
    if intent is None:
        raise HTTPNotFound("There is no such payment.")
    charges = list(store.select("charge", payment_intent=intent["id"]))
    about = {intent["id"], *(charge["id"] for charge in charges)}
    after = None
    if intent["status"] == "succeeded":
        after = later_money.aftermath(store, charges[0])
        about |= later_money.ids(after)
    events = [each for each in store.select("event") if each["data"]["object"]["id"] in about]
    method = intent["payment_method"] and store.find("payment_method", intent["payment_method"])
    return {
        "page": "payments",
        "intent": intent,
        "method": method,
        "charges": charges,
        "after": after,
        "events": events,
        "source": _source(intent),
    }


def requests(request: Request) -> dict[str, Any]:
    """The API's requests, newest first."""
    return {"page": "requests", "entries": request_log.read(_sandbox(request).store)[:MOST]}


def money(amount: int, currency: str) -> str:
    """Format an amount."""
    return currencies.written(amount, currency)


def moment(seconds: float) -> str:
    """Format a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def as_json(value: Any) -> str:
    """Format as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def _source(intent: Object) -> str:
    """Return the object as JSON, without its client secret."""
    return as_json(
        {**intent, "client_secret": "[hidden]", "next_action": bool(intent["next_action"])}  # nosec B105
    )


def _sandbox(request: Request) -> Sandbox:
    sandbox: Sandbox = request.registry.sandbox
    return sandbox
