"""Processes an API request in Stripe's order: key, address, parameters, idempotency, operation."""

from __future__ import annotations

import json
import logging
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pyramid.request import Request
from pyramid.response import Response

from bookshop.sandbox.api import auth, forms, lists, redaction, request_log
from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import ApiError, Declined, invalid, server_error, unknown_url
from bookshop.sandbox.api.forms import Tree
from bookshop.sandbox.api.idempotency import Stored
from bookshop.sandbox.api.operations import Endpoint
from bookshop.sandbox.api.request_log import Entry
from bookshop.sandbox.faults import NO_FAULT, Dropped, Fault
from bookshop.sandbox.ids import API_VERSION, new_id
from bookshop.sandbox.state import Sandbox
from bookshop.sandbox.webhooks.events import Cause

LOG = logging.getLogger(__name__)
ABORT = "bookshop.sandbox.abort"
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Expose-Headers": "Idempotent-Replayed, Request-Id, Stripe-Should-Retry",
    "Access-Control-Max-Age": "300",
}


@dataclass
class Answer:
    """An API response."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


class Exchange:
    """An API request and its response."""

    def __init__(self, endpoint: Endpoint | None, request: Request) -> None:
        self.sandbox: Sandbox = request.registry.sandbox
        self.endpoint = endpoint
        self.request = request
        self.by_browser = False
        self.key: str | None = None
        if request.method == "POST":
            self.key = request.headers.get("Idempotency-Key") or None
        self.entry = Entry(
            request_id=new_id("request"),
            time=time.time(),
            method=request.method,
            path=request.path,
            idempotency_key=self.key,
        )

    def respond(self) -> Response:
        """Return the response and log it. Raises Dropped if a fault drops the response."""
        fault = self.sandbox.faults.take(self.request.method, self.request.path)
        self.entry.fault = None if fault is NO_FAULT else fault.kind
        try:
            answer = self._answer(fault)
            self.sandbox.faults.before_answering(fault)
            self.entry.status = answer.status
        finally:
            self.entry.duration = time.time() - self.entry.time
            request_log.write(self.sandbox.store, self.entry)
            self.sandbox.deliverer.wake()
        return self._response(answer)

    def _answer(self, fault: Fault) -> Answer:
        try:
            self.sandbox.faults.before_reading(fault, self.request.environ.get(ABORT, _no_abort))
            params = self._read()
            return self._execute_once(params, fault)
        except ApiError as error:
            return self._error_answer(error)
        except Dropped:
            raise
        except Exception:
            LOG.exception("%s %s", self.entry.method, self.entry.path)
            return self._error_answer(server_error())

    def _read(self) -> Tree:
        """Authenticate the caller and return the parameters as sent. Raises ApiError."""
        request = self.request
        query = forms.decode(request.environ.get("QUERY_STRING", ""))
        params = {**query, **forms.decode(request.body.decode("utf-8", "replace"))}
        self.entry.parameters = dict(params)
        authorization = request.headers.get("Authorization", "")
        options = self.sandbox.options
        self.by_browser = auth.uses_publishable_key(authorization, params, options)
        if self.endpoint is None:
            raise unknown_url(request.method, request.path)
        if self.by_browser and not self.endpoint.for_browsers:
            raise auth.secret_key_required()
        if not self.by_browser and "Origin" in request.headers:
            raise auth.secret_key_in_browser()
        version = request.headers.get("Stripe-Version", API_VERSION)
        if version != API_VERSION:
            raise invalid(f"Invalid Stripe API version: {version}. The sandbox has {API_VERSION}.")
        return params

    def _execute_once(self, params: Tree, fault: Fault) -> Answer:
        """Execute the operation, or replay the answer stored under the idempotency key."""
        sandbox, endpoint = self.sandbox, self.endpoint
        assert endpoint is not None  # noqa: S101 - checked by _read  # nosec B101
        parsed = endpoint.schema("", params)
        fingerprint = sandbox.idempotency.fingerprint(params)
        with sandbox.idempotency.claim(self.key) if self.key else nullcontext():
            if self.key:
                stored = sandbox.idempotency.recall(self.key, self.request.path, fingerprint)
                if stored is not None:
                    return self._replay(stored)
            sandbox.faults.before_execution(fault)
            with sandbox.store.transaction():
                answer = self._execute(endpoint, parsed, fault)
                if self.key:
                    stored = Stored(answer.status, answer.body, self.entry.request_id)
                    sandbox.idempotency.save(self.key, self.request.path, fingerprint, stored)
        return answer

    def _execute(self, endpoint: Endpoint, parsed: Any, fault: Fault) -> Answer:
        call = Call(
            store=self.sandbox.store,
            events=self.sandbox.events,
            cause=Cause(self.entry.request_id, self.key),
            publishable_key=self.sandbox.options.publishable_key,
            base_url=self.request.host_url,
            path=self.request.path,
            identifier=self.request.matchdict.get("id", ""),
            params=parsed,
            by_browser=self.by_browser,
            currency=self.sandbox.options.currency,
        )
        try:
            with call.store.transaction():
                try:
                    self.sandbox.faults.instead_of_execution(fault)
                    answer = endpoint.answer(call)
                    answer = lists.expand(call.store, answer, parsed.get("expand", ()))
                except Declined as error:
                    return self._error_answer(error)
        except ApiError as error:
            return self._error_answer(error)
        return Answer(200, self._to_json(answer))

    def _error_answer(self, error: ApiError) -> Answer:
        self.entry.error = error.error.get("code", error.error["type"])
        log_url = f"{self.request.host_url}/requests#{self.entry.request_id}"
        return Answer(error.status, self._to_json(error.body(log_url)), dict(error.headers))

    def _replay(self, stored: Stored) -> Answer:
        self.entry.replayed = True
        headers = {"Idempotent-Replayed": "true", "Original-Request": stored.request}
        if stored.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # The stored response of a key never changes.
            headers["Stripe-Should-Retry"] = "false"
        return Answer(stored.status, stored.body, headers)

    def _to_json(self, body: Any) -> str:
        return json.dumps(redaction.public(body) if self.by_browser else body, indent=2)

    def _response(self, answer: Answer) -> Response:
        response = Response(
            body=answer.body.encode(), status=answer.status, content_type="application/json"
        )
        response.headers.update(CORS)
        response.headers.update({"Cache-Control": "no-cache, no-store", **answer.headers})
        response.headers["Request-Id"] = self.entry.request_id
        response.headers["Stripe-Version"] = API_VERSION
        if self.key:
            response.headers["Idempotency-Key"] = self.key
        return response


def preflight(request: Request) -> Response:
    """Answer a CORS preflight request."""
    return Response(status=204, headerlist=list(CORS.items()))


def unknown(request: Request) -> Response:
    """Answer requests for unknown addresses."""
    return Exchange(None, request).respond()


def _no_abort() -> None:
    """Do nothing: outside the sandbox's own server a connection can be closed, but not reset."""
