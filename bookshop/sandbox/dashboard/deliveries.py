"""Dashboard pages: webhook endpoints, deliveries and faults."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request

from bookshop.sandbox.control.views import sandbox_of
from bookshop.sandbox.dashboard.views import MAX_ROWS
from bookshop.sandbox.webhooks import deliveries as stored_deliveries


def deliveries(request: Request) -> dict[str, Any]:
    """Show the deliveries of events, newest first."""
    sandbox = sandbox_of(request)
    return {
        "page": "deliveries",
        "deliveries": stored_deliveries.newest(sandbox.store, MAX_ROWS),
        "endpoints": {each["id"]: each for each in sandbox.store.select("webhook_endpoint")},
        "paused": sandbox.deliverer.paused,
    }


def endpoints(request: Request) -> dict[str, Any]:
    """Show the webhook endpoints, newest first."""
    stored = list(sandbox_of(request).store.select("webhook_endpoint"))
    return {"page": "endpoints", "endpoints": stored}


def faults(request: Request) -> dict[str, Any]:
    """Show the pending faults, and a form for each kind."""
    sandbox = sandbox_of(request)
    return {
        "page": "faults",
        "faults": sandbox.faults.all(),
        "delivery_faults": sandbox.delivery_faults.all(),
        "paused": sandbox.deliverer.paused,
    }
