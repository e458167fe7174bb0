"""Controls for faults and webhook deliveries."""

from __future__ import annotations

import time
from typing import Any

from pyramid.request import Request

from bookshop.sandbox import faults as api_faults
from bookshop.sandbox.api.errors import missing_resource
from bookshop.sandbox.api.parameters import choice
from bookshop.sandbox.control.views import params_of, respond, sandbox_of, without_blanks
from bookshop.sandbox.webhooks import deliveries, delivery_faults, events

KIND = choice(*api_faults.KINDS, *delivery_faults.KINDS)


def faults(request: Request) -> dict[str, Any]:
    """Return the pending faults."""
    sandbox = sandbox_of(request)
    return {"data": [*sandbox.faults.all(), *sandbox.delivery_faults.all()]}


def add_fault(request: Request) -> Any:
    """Add a fault (see `faults.Fault` and `delivery_faults.DeliveryFault`)."""
    sandbox = sandbox_of(request)
    params = without_blanks(params_of(request))
    if KIND("kind", params.get("kind", "")) in delivery_faults.KINDS:
        sandbox.delivery_faults.add(delivery_faults.SCHEMA("", params))
    else:
        sandbox.faults.add(api_faults.SCHEMA("", params))
    return respond(request, faults(request))


def clear_faults(request: Request) -> Any:
    """Remove all faults, resume deliveries, and release held requests and events.

    Forms cannot send DELETE and use POST /_sandbox/faults/clear.
    """
    sandbox = sandbox_of(request)
    sandbox.faults.clear()
    sandbox.deliverer.clear_faults()
    return respond(request, {"data": []})


def all_deliveries(request: Request) -> dict[str, Any]:
    """Return the deliveries, newest first; `paused` is true while deliveries are paused."""
    sandbox = sandbox_of(request)
    return {"data": deliveries.newest(sandbox.store), "paused": sandbox.deliverer.paused}


def waiting(request: Request) -> dict[str, int]:
    """Return the number of deliveries in progress or due; 0 when everything was sent."""
    sandbox = sandbox_of(request)
    paused = sandbox.deliverer.paused
    return {"waiting": deliveries.waiting(sandbox.store, time.time(), paused=paused)}


def redeliver(request: Request) -> Any:
    """Redeliver an event to an endpoint."""
    sandbox, identifier = sandbox_of(request), request.matchdict["id"]
    if not deliveries.request_one(sandbox.store, identifier):
        raise missing_resource("delivery", identifier, "id", in_path=True)
    sandbox.deliverer.wake()
    return respond(request, {})


def deliver_event(request: Request) -> Any:
    """Redeliver an event to all endpoints, including new ones."""
    sandbox, identifier = sandbox_of(request), request.matchdict["id"]
    event = sandbox.store.find("event", identifier)
    if event is None:
        raise missing_resource("event", identifier, "id", in_path=True)
    events.redeliver(sandbox.store, event)
    sandbox.deliverer.wake()
    return respond(request, {"data": deliveries.of_event(sandbox.store, identifier)})


def flush(request: Request) -> Any:
    """Deliver all pending and held events now."""
    sandbox_of(request).deliverer.flush()
    return respond(request, {})


def pause(request: Request) -> Any:
    """Pause automatic deliveries."""
    sandbox_of(request).deliverer.pause()
    return respond(request, {"paused": True})


def resume(request: Request) -> Any:
    """Resume automatic deliveries."""
    sandbox_of(request).deliverer.resume()
    return respond(request, {"paused": False})
