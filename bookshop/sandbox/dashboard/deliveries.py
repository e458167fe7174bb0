"""Dashboard pages: webhook endpoints, deliveries and faults."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request

from bookshop.sandbox.control.views import sandbox_of
from bookshop.sandbox.dashboard.views import MOST
from bookshop.sandbox.webhooks import deliveries as ledger


def deliveries(request: Request) -> dict[str, Any]:
    """The deliveries of events, newest first."""
    sandbox = sandbox_of(request)
    return {
        "page": "deliveries",
        "deliveries": ledger.newest(sandbox.store, MOST),
        "endpoints": {each["id"]: each for each in sandbox.store.select("webhook_endpoint")},
        "paused": sandbox.deliverer.paused,
    }


def endpoints(request: Request) -> dict[str, Any]:
    """The webhook endpoints, newest first."""
    found = list(sandbox_of(request).store.select("webhook_endpoint"))
    return {"page": "endpoints", "endpoints": found}


def faults(request: Request) -> dict[str, Any]:
    """The pending faults, and a form for each kind."""
    sandbox = sandbox_of(request)
    return {
        "page": "faults",
        "faults": sandbox.faults.all(),
        "delivery_faults": sandbox.delivery_faults.all(),
        "paused": sandbox.deliverer.paused,
    }
