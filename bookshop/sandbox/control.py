"""The sandbox's own controls under /_sandbox: no key is needed, for only this machine gets here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from . import confirmation, forms, request_log, webhooks
from .call import Call
from .errors import ApiError, invalid, missing_resource
from .events import Cause
from .faults import SCHEMA as FAULT
from .forms import Tree
from .intent_parameters import SETTLE
from .state import Sandbox

NAME = "bookshop"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def refuse_strangers(request: Request) -> None:
    """Raise HTTPForbidden for what another site makes the developer's browser do.

    A foreign Host is a name that was made to point here; a foreign Origin is another site's page.
    """
    if request.host.removesuffix(f":{request.host_port}") not in LOCAL_NAMES:
        raise HTTPForbidden("The sandbox answers to localhost.")
    origin = request.headers.get("Origin", request.host_url)
    fetched = request.headers.get("Sec-Fetch-Site", "none")
    harmless = (
        request.method in {"GET", "HEAD"} and request.headers.get("Sec-Fetch-Mode") == "navigate"
    )
    if origin != request.host_url or (fetched not in {"none", "same-origin"} and not harmless):
        raise HTTPForbidden("The sandbox takes no orders from other sites.")


def identity(request: Request) -> dict[str, str]:
    """Which sandbox this is, for another process to tell it from a stranger."""
    return {"sandbox": NAME, "publishable_key": _sandbox(request).options.publishable_key}


def faults(request: Request) -> dict[str, Any]:
    """The faults that are still to happen."""
    return {"data": _sandbox(request).faults.all()}


def add_fault(request: Request) -> Any:
    """Order a fault (see `faults.Fault`)."""
    params = FAULT("", _without_blanks(_params(request)))
    _sandbox(request).faults.add(params)
    return _done(request, faults(request))


def clear_faults(request: Request) -> Any:
    """Forget all faults. From a form, which can't send DELETE, POST /_sandbox/faults/clear."""
    _sandbox(request).faults.clear()
    return _done(request, {"data": []})


def requests(request: Request) -> dict[str, Any]:
    """The API's requests, newest first."""
    return {"data": request_log.read(_sandbox(request).store)}


def deliveries(request: Request) -> dict[str, Any]:
    """The deliveries to the webhook endpoint, newest first."""
    return {"data": webhooks.deliveries(_sandbox(request).store)}


def redeliver(request: Request) -> Any:
    """Deliver an event once more."""
    identifier = request.matchdict["id"]
    if not _sandbox(request).deliverer.again(identifier):
        raise missing_resource("delivery", identifier, "id", in_path=True)
    return _done(request, {})


def settle(request: Request) -> Any:
    """Say how a bank debit ends: `outcome` is succeeded or failed."""
    sandbox = _sandbox(request)
    call = Call(
        store=sandbox.store,
        events=sandbox.events,
        cause=Cause(),
        publishable_key=sandbox.options.publishable_key,
        base_url=request.host_url,
        identifier=request.matchdict["id"],
        params=SETTLE("", _params(request)),
    )
    with sandbox.store.transaction():
        intent = confirmation.settle(call)
    sandbox.deliverer.wake()
    return _done(request, intent)


def refused(error: ApiError, request: Request) -> Response:
    """An error of the controls, in the API's form."""
    return Response(json=error.body(f"{request.host_url}/requests"), status=error.status)


def _sandbox(request: Request) -> Sandbox:
    sandbox: Sandbox = request.registry.sandbox
    return sandbox


def _params(request: Request) -> Tree:
    """What was sent, as JSON or as a form. Raises ApiError."""
    if request.content_type != "application/json":
        return forms.decode(request.body.decode("utf-8", "replace"))
    try:
        sent = json.loads(request.body)
    except ValueError as err:
        raise invalid("The body is no JSON.") from err
    if not isinstance(sent, Mapping):
        raise invalid("The body is no JSON object.")
    return {str(name): str(value) for name, value in sent.items() if value is not None}


def _without_blanks(params: Tree) -> Tree:
    """A form sends its empty fields too."""
    return {name: value for name, value in params.items() if value != ""}


def _done(request: Request, answer: Any) -> Any:
    """The answer, or for a person at the dashboard the page that they came from."""
    if "text/html" in request.headers.get("Accept", ""):
        return HTTPSeeOther(request.host_url + _page_of(request))
    return answer


def _page_of(request: Request) -> str:
    came_from = request.headers.get("Referer", "")
    return (
        came_from.removeprefix(request.host_url)
        if came_from.startswith(request.host_url + "/")
        else "/"
    )
