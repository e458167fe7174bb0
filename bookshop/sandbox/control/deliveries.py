"""The controls of what goes wrong and of who is told: faults and deliveries."""

from __future__ import annotations

import time
from typing import Any

from pyramid.request import Request

from bookshop.sandbox import faults as api_faults
from bookshop.sandbox.api.errors import missing_resource
from bookshop.sandbox.api.parameters import choice
from bookshop.sandbox.control.views import answered, params_of, sandbox_of, without_blanks
from bookshop.sandbox.webhooks import deliveries, delivery_faults, events

KIND = choice(*api_faults.KINDS, *delivery_faults.KINDS)


def faults(request: Request) -> dict[str, Any]:
    """The faults that are still to happen."""
    sandbox = sandbox_of(request)
    return {"data": [*sandbox.faults.all(), *sandbox.delivery_faults.all()]}


def add_fault(request: Request) -> Any:
    """Order a fault (see `faults.Fault` and `delivery_faults.DeliveryFault`)."""
    sandbox = sandbox_of(request)
    params = without_blanks(params_of(request))
    if KIND("kind", params.get("kind", "")) in delivery_faults.KINDS:
        sandbox.delivery_faults.add(delivery_faults.SCHEMA("", params))
    else:
        sandbox.faults.add(api_faults.SCHEMA("", params))
    return answered(request, faults(request))


def clear_faults(request: Request) -> Any:
    """End all faults and the pause of deliveries, and let go of what they hold.

    From a form, which can't send DELETE, POST /_sandbox/faults/clear.
    """
    sandbox = sandbox_of(request)
    sandbox.faults.clear()
    sandbox.deliverer.behave()
    return answered(request, {"data": []})


def all_deliveries(request: Request) -> dict[str, Any]:
    """The deliveries, newest first, and whether they are paused."""
    sandbox = sandbox_of(request)
    return {"data": deliveries.newest(sandbox.store), "paused": sandbox.deliverer.paused}


def waiting(request: Request) -> dict[str, int]:
    """How many deliveries are under way or due: none once all that can go out has gone out."""
    sandbox = sandbox_of(request)
    paused = sandbox.deliverer.paused
    return {"waiting": deliveries.waiting(sandbox.store, time.time(), paused=paused)}


def redeliver(request: Request) -> Any:
    """Deliver an event once more to an endpoint."""
    sandbox, identifier = sandbox_of(request), request.matchdict["id"]
    if not deliveries.ask(sandbox.store, identifier):
        raise missing_resource("delivery", identifier, "id", in_path=True)
    sandbox.deliverer.wake()
    return answered(request, {})


def deliver_event(request: Request) -> Any:
    """Deliver an event once more to all endpoints, also to those that have subscribed since."""
    sandbox, identifier = sandbox_of(request), request.matchdict["id"]
    event = sandbox.store.find("event", identifier)
    if event is None:
        raise missing_resource("event", identifier, "id", in_path=True)
    events.tell_again(sandbox.store, event)
    sandbox.deliverer.wake()
    return answered(request, {"data": deliveries.of_event(sandbox.store, identifier)})


def flush(request: Request) -> Any:
    """Deliver all that is pending or held, now."""
    sandbox_of(request).deliverer.flush()
    return answered(request, {})


def pause(request: Request) -> Any:
    """Deliver nothing but what somebody asks for."""
    sandbox_of(request).deliverer.pause()
    return answered(request, {"paused": True})


def resume(request: Request) -> Any:
    """Deliver again what is due."""
    sandbox_of(request).deliverer.resume()
    return answered(request, {"paused": False})
