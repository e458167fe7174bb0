"""The sandbox's control API under /_sandbox. It needs no key: only this machine has access."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pyramid.httpexceptions import HTTPForbidden, HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response

from bookshop.sandbox.api import forms, request_log
from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import ApiError, invalid
from bookshop.sandbox.api.forms import Tree
from bookshop.sandbox.api.parameters import Parser
from bookshop.sandbox.objects import confirmation
from bookshop.sandbox.objects.intent_parameters import SETTLE
from bookshop.sandbox.state import Sandbox
from bookshop.sandbox.store import Object
from bookshop.sandbox.webhooks.events import Cause

NAME = "bookshop"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def local_names_tween(handler: Callable[[Request], Any], _registry: Any) -> Any:
    """A tween that refuses other names of this machine, which DNS rebinding gives to sites."""

    def tween(request: Request) -> Any:
        if request.host.removesuffix(f":{request.host_port}") not in LOCAL_NAMES:
            return HTTPForbidden("The sandbox can be reached as localhost only.")
        return handler(request)

    return tween


def refuse_cross_site(request: Request) -> None:
    """Raise HTTPForbidden for requests of other sites' pages in the developer's browser."""
    origin = request.headers.get("Origin", request.host_url)
    fetch_site = request.headers.get("Sec-Fetch-Site", "none")
    is_navigation = (
        request.method in {"GET", "HEAD"} and request.headers.get("Sec-Fetch-Mode") == "navigate"
    )
    is_cross_site = fetch_site not in {"none", "same-origin"}
    if origin != request.host_url or (is_cross_site and not is_navigation):
        raise HTTPForbidden("The sandbox refuses requests from other sites.")


def identity(request: Request) -> dict[str, str]:
    """Identify this sandbox to other processes."""
    return {"sandbox": NAME, "publishable_key": sandbox_of(request).options.publishable_key}


def requests(request: Request) -> dict[str, Any]:
    """Return the API's requests, newest first."""
    return {"data": request_log.read(sandbox_of(request).store)}


def settle(request: Request) -> Any:
    """Settle a bank debit: `outcome` is succeeded or failed."""
    return act(request, SETTLE, confirmation.settle)


def act(request: Request, schema: Parser, answer: Callable[[Call], Object]) -> Any:
    """Run `answer` with the request's parameters: a change that Stripe's API does not offer."""
    sandbox = sandbox_of(request)
    call = Call(
        store=sandbox.store,
        events=sandbox.events,
        cause=Cause(),
        publishable_key=sandbox.options.publishable_key,
        base_url=request.host_url,
        identifier=request.matchdict["id"],
        params=schema("", without_blanks(params_of(request))),
    )
    with sandbox.store.transaction():
        result = answer(call)
    sandbox.deliverer.wake()
    return respond(request, result)


def error_response(error: ApiError, request: Request) -> Response:
    """Return an error of the control API, in the API's format."""
    return Response(json=error.body(f"{request.host_url}/requests"), status=error.status)


def sandbox_of(request: Request) -> Sandbox:
    """Return the sandbox of a request."""
    sandbox: Sandbox = request.registry.sandbox
    return sandbox


def params_of(request: Request) -> Tree:
    """Return the parameters of a JSON or form body. Raises ApiError."""
    if request.content_type != "application/json":
        return forms.decode(request.body.decode("utf-8", "replace"))
    try:
        body = json.loads(request.body)
    except ValueError as err:
        raise invalid("The body is not JSON.") from err
    if not isinstance(body, Mapping):
        raise invalid("The body is not a JSON object.")
    return {str(name): str(value) for name, value in body.items() if value is not None}


def without_blanks(params: Tree) -> Tree:
    """Return the parameters without empty form fields."""
    return {name: value for name, value in params.items() if value != ""}


def respond(request: Request, result: Any) -> Any:
    """Return the result, or redirect a dashboard form back to its page."""
    if "text/html" in request.headers.get("Accept", ""):
        return HTTPSeeOther(request.host_url + _referring_path(request))
    return result


def _referring_path(request: Request) -> str:
    referrer = request.headers.get("Referer", "")
    is_own_page = referrer.startswith(request.host_url + "/")
    return referrer.removeprefix(request.host_url) if is_own_page else "/"
