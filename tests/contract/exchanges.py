"""One HTTP exchange with Stripe, or with what claims to speak as Stripe does, and its faults.

Every function returns findings, each a line that names the place and the problem; none is good.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from . import endive, forms, json_schemas, openapi, sdk_types
from .endive import Schema

#: What the types of @stripe/stripe-js 10 say that a browser is given of a PaymentIntent, all of
#: it and nothing else: no metadata above all (docs.stripe.com/metadata).
PUBLIC_FIELDS = frozenset(
    (
        *("id", "object", "amount", "canceled_at", "cancellation_reason", "capture_method"),
        *("client_secret", "confirmation_method", "created", "currency", "description"),
        *("last_payment_error", "livemode", "next_action", "payment_method"),
        *("payment_method_types", "receipt_email", "setup_future_usage", "shipping", "status"),
    )
)
#: Error types by HTTP status: docs.stripe.com/api/errors, docs.stripe.com/api/idempotent_requests.
ERROR_TYPES = {
    400: {"invalid_request_error", "idempotency_error"},
    401: {"invalid_request_error"},
    402: {"card_error", "invalid_request_error"},
    403: {"invalid_request_error"},
    404: {"invalid_request_error"},
    409: {"idempotency_error", "invalid_request_error"},
    429: {"invalid_request_error", "card_error"},
}


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. Header names are in small letters."""

    method: str
    path: str
    query: str
    form: str
    request_headers: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}?{self.query} {self.form!r} -> {self.status} {self.text}"

    @cached_property
    def answer(self) -> Any:
        """The JSON of the response."""
        return json.loads(self.text)

    @cached_property
    def parameters(self) -> forms.Tree:
        """What was sent, in the query or in the form."""
        return {**forms.decode(self.query), **forms.decode(self.form)}

    @cached_property
    def is_public(self) -> bool:
        """Whether the request carried a publishable key, by any of the ways that Stripe takes."""
        scheme, _, credentials = self.request_headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            credentials = base64.b64decode(credentials).decode().partition(":")[0]
        key = credentials or self.parameters.get(endive.PUBLISHABLE_KEY_PARAMETER, "")
        return isinstance(key, str) and key.startswith("pk_")


def findings(exchange: Exchange) -> list[str]:
    """What is wrong with an exchange: with the answer, and with a request that it accepted.

    A request that was refused may be wrong: that is why.
    """
    accepted = exchange.status < 400
    return response_findings(exchange) + (request_findings(exchange) if accepted else [])


def request_findings(exchange: Exchange) -> list[str]:
    """Whether Stripe has the operation, and every parameter is one of its, of the right form."""
    operation = openapi.operation(exchange.method, exchange.path)
    if operation is None:
        return [f"Stripe has no {exchange.method} {exchange.path}"]
    if exchange.is_public:
        operation = _as_stripe_js_may(operation)
    try:
        query, form = forms.decode(exchange.query), forms.decode(exchange.form)
    except ValueError as error:
        return [f"encoding: {error}"]
    return [
        *(f"path {each}" for each in forms.findings(operation.path_parameters, operation.path)),
        *(f"query {each}" for each in forms.findings(query, operation.query)),
        *(f"form {each}" for each in forms.findings(form, operation.form)),
    ]


def _as_stripe_js_may(operation: openapi.Operation) -> openapi.Operation:
    key: Schema = {"type": "string"}
    query, form = (
        {**schema, "properties": {**schema["properties"], endive.PUBLISHABLE_KEY_PARAMETER: key}}
        for schema in (operation.query, operation.form)
    )
    if (operation.method, operation.template) == endive.CARD_OF_STRIPE_JS:
        creation = endive.form_of(openapi.document(), "post", "/v1/payment_methods")["properties"]
        data = form["properties"]["payment_method_data"]
        card = {name: creation[name] for name in ("type", "card")}
        fields = {**data["properties"], **card}
        form["properties"]["payment_method_data"] = {**data, "properties": fields}
    return replace(operation, query=query, form=form)


def response_findings(exchange: Exchange) -> list[str]:
    """Whether the answer is one that Stripe gives: body, status and headers."""
    found = list(_header_findings(exchange))
    if exchange.status >= 400:
        found += error_findings(exchange.answer, exchange.status, public=exchange.is_public)
    else:
        operation = openapi.operation(exchange.method, exchange.path)
        if operation is None:
            return [f"Stripe has no {exchange.method} {exchange.path}"]
        found += json_schemas.findings(exchange.answer, operation.response)
        # stripe-python has no type for what is left of a deleted object; the document has a schema.
        if not exchange.is_public and not exchange.answer.get("deleted"):
            found += sdk_types.findings(exchange.answer)
    if exchange.is_public:
        return found + public_findings(exchange.answer)
    return found + absent_findings(exchange.answer)


def _header_findings(exchange: Exchange) -> Iterator[str]:
    if not re.fullmatch(r"req_\w+", exchange.headers.get("request-id", "")):
        yield f"header Request-Id: {exchange.headers.get('request-id')!r}"
    if not exchange.headers.get("content-type", "").startswith("application/json"):
        yield f"header Content-Type: {exchange.headers.get('content-type')!r}"
    for name in ("idempotency-key", "stripe-version"):
        sent, echoed = exchange.request_headers.get(name), exchange.headers.get(name)
        if sent is not None and sent != echoed and exchange.status not in {401, 429}:
            yield f"header {name}: sent {sent!r}, came back {echoed!r}"


def error_findings(body: Any, status: int, *, public: bool) -> list[str]:
    """Whether a body is Stripe's for an error of that HTTP status.

    The intent in a browser's is the public one, of which stripe-python's types say nothing.
    """
    found = json_schemas.findings(body, openapi.schema("error"))
    if found:
        return found
    error = body["error"]
    expected = ERROR_TYPES.get(status, {"api_error"})
    if error["type"] not in expected:
        found.append(f"$.error.type: {error['type']} with HTTP {status}, not {sorted(expected)}")
    if not error.get("message"):
        found.append("$.error.message: absent")
    server_side = {name: value for name, value in error.items() if name != "payment_intent"}
    return found + sdk_types.error_findings(server_side if public else error)


def event_findings(event: Any) -> list[str]:
    """Whether an event is one that Stripe sends, its object included."""
    found = json_schemas.findings(event, openapi.schema("event"))
    if found:
        return found
    content = event["data"]["object"]
    name = openapi.resources().get(str(content.get("object")))
    if name is None:
        return [f"$.data.object.object: {content.get('object')!r} is no resource of Stripe's"]
    found += [
        f"data.object {each}" for each in json_schemas.findings(content, openapi.schema(name))
    ]
    family = endive.EVENT_FAMILIES.get(content["object"], content["object"])
    if not event["type"].startswith(f"{family}."):
        found.append(f"$.type: {event['type']} about a {content['object']}")
    if ("previous_attributes" in event["data"]) != event["type"].endswith(".updated"):
        found.append(f"$.data.previous_attributes: belongs to .updated alone, not {event['type']}")
    return found + sdk_types.findings(event) + absent_findings(event)


def public_findings(answer: Any) -> list[str]:
    """Whether each PaymentIntent in an answer to a browser has the public fields and no other."""
    found = []
    for where, value in _objects(answer, "$"):
        if value.get("object") == "payment_intent":
            found += [f"{where}.{name}: not for browsers" for name in set(value) - PUBLIC_FIELDS]
            found += [f"{where}.{name}: absent" for name in PUBLIC_FIELDS - set(value)]
    return sorted(found)


def absent_findings(answer: Any) -> list[str]:
    """Which nullable fields of resources were left out where Stripe sends null.

    The published fixtures (github.com/stripe/openapi, fixtures3.json) hold every nullable field.
    """
    found = []
    for where, value in _objects(answer, "$"):
        name = openapi.resources().get(str(value.get("object")))
        if name is not None and not value.get("deleted"):
            fields = openapi.schema(name)["properties"].items()
            nullable = {field for field, schema in fields if schema.get("nullable")}
            absent = nullable - set(value) - endive.LEFT_OUT_WHEN_EMPTY.get(name, frozenset())
            found += [f"{where}.{field}: absent, Stripe sends null" for field in sorted(absent)]
    return found


def _objects(value: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield where, value
        for name, each in value.items():
            yield from _objects(each, f"{where}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _objects(each, f"{where}[{index}]")
