"""Dashboard pages: payments and API requests."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request

from bookshop.sandbox.api import request_log
from bookshop.sandbox.dashboard.money import charge_history, object_ids
from bookshop.sandbox.objects import currencies
from bookshop.sandbox.state import Sandbox
from bookshop.sandbox.store import Object

MAX_ROWS = 200


def payments(request: Request) -> dict[str, Any]:
    """Show the payments, newest first."""
    store = _sandbox(request).store
    intents = list(islice(store.select("payment_intent"), MAX_ROWS))
    charges = {each["id"]: store.find("charge", each["latest_charge"]) for each in intents}
    return {"page": "payments", "intents": intents, "charges": charges}


def payment(request: Request) -> dict[str, Any]:
    """Show one payment: attempts, refunds, disputes, and events."""
    store = _sandbox(request).store
    intent = store.find("payment_intent", request.matchdict["id"])
    if intent is None:
        raise HTTPNotFound("There is no such payment.")
    charges = list(store.select("charge", payment_intent=intent["id"]))
    ids = {intent["id"], *(charge["id"] for charge in charges)}
    history = None
    if intent["status"] == "succeeded":
        history = charge_history(store, charges[0])
        ids |= object_ids(history)
    events = [each for each in store.select("event") if each["data"]["object"]["id"] in ids]
    method = intent["payment_method"] and store.find("payment_method", intent["payment_method"])
    return {
        "page": "payments",
        "intent": intent,
        "method": method,
        "charges": charges,
        "history": history,
        "events": events,
        "source": _source(intent),
    }


def requests(request: Request) -> dict[str, Any]:
    """Show the API's requests, newest first."""
    return {"page": "requests", "entries": request_log.read(_sandbox(request).store)[:MAX_ROWS]}


def money(amount: int, currency: str) -> str:
    """Format an amount."""
    return currencies.format_amount(amount, currency)


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
