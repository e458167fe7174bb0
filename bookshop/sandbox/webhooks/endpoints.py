"""Webhook endpoints. https://docs.stripe.com/api/webhook_endpoints."""

from __future__ import annotations

import re
import time
from typing import Any

from bookshop.sandbox.api import lists, parameters
from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import ApiError, invalid, missing_resource
from bookshop.sandbox.api.forms import Value
from bookshop.sandbox.api.parameters import (
    boolean,
    hash_of,
    integer,
    list_of,
    metadata,
    text,
    unset_or,
)
from bookshop.sandbox.ids import API_VERSION, new_id
from bookshop.sandbox.objects import intents
from bookshop.sandbox.options import is_web_address
from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks import deliveries
from bookshop.sandbox.webhooks.event_types import TYPES
from bookshop.sandbox.webhooks.events import ALL_TYPES

MAX_ENDPOINTS = 16
#: The endpoint of the setting `sandbox.webhook_url`.
BUILT_IN = "we_1Sandbox000000000000000"
VERSION = re.compile(r"\d{4}-\d\d-\d\d(\.[a-z]+)?")


def _address(name: str, value: Value) -> str:
    url: str = text()(name, value)
    if not is_web_address(url):
        raise invalid("Invalid URL: not a web address", code="url_invalid", param=name)
    return url


def _event_type(name: str, value: Value) -> str:
    event_type: str = text()(name, value)
    if event_type not in TYPES and event_type != ALL_TYPES:
        raise invalid(f"Invalid {name}: there are no events of type {event_type}", param=name)
    return event_type


def _version(name: str, value: Value) -> str:
    version: str = text()(name, value)
    if not VERSION.fullmatch(version):
        raise invalid(f"Invalid API version: {version}", param=name)
    if version != API_VERSION:
        message = f"The sandbox sends events of API version {API_VERSION} only, not of {version}"
        raise invalid(message, param=name)
    return version


_CHANGEABLE = {
    "description": unset_or(text()),
    "enabled_events": list_of(_event_type),
    "expand": list_of(text()),
    "metadata": unset_or(metadata),
    "url": _address,
}
CREATE = hash_of(
    {**_CHANGEABLE, "api_version": _version, "connect": parameters.not_simulated},
    ("enabled_events", "url"),
)
LIST = hash_of(
    {
        "ending_before": text(),
        "expand": list_of(text()),
        "limit": integer(1, lists.MAX_LIMIT),
        "starting_after": text(),
    }
)
UPDATE = hash_of({**_CHANGEABLE, "disabled": boolean})


def create(call: Call) -> Object:
    """POST /v1/webhook_endpoints. Only this response contains the secret."""
    if sum(1 for _ in call.store.select("webhook_endpoint")) >= MAX_ENDPOINTS:
        raise invalid(f"You have reached the maximum of {MAX_ENDPOINTS} test webhook endpoints.")
    endpoint = _endpoint(new_id("webhook_endpoint"), api_version=call.params.get("api_version"))
    _apply(endpoint, call.params)
    secret = new_id("webhook_secret")
    call.store.save(endpoint, {"secret": secret})
    return {**endpoint, "secret": secret}


def find(call: Call) -> Object:
    """GET /v1/webhook_endpoints/{id}."""
    endpoint = call.store.find("webhook_endpoint", call.identifier)
    if endpoint is None:
        kind = "webhook endpoint"
        raise missing_resource(kind, call.identifier, "webhook_endpoint", in_path=True)
    return endpoint


def update(call: Call) -> Object:
    """POST /v1/webhook_endpoints/{id}."""
    endpoint = find(call)
    if call.identifier == BUILT_IN and call.params.get("url", endpoint["url"]) != endpoint["url"]:
        raise _built_in()
    _apply(endpoint, call.params)
    call.store.save(endpoint)
    return endpoint


def delete(call: Call) -> Object:
    """DELETE /v1/webhook_endpoints/{id}. Its pending deliveries fail."""
    endpoint = find(call)
    if call.identifier == BUILT_IN:
        raise _built_in()
    _remove(call.store, endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def sync_built_in(store: Store, url: str | None, secret: str) -> None:
    """Create, update or delete the endpoint of the settings."""
    if url is None:
        _remove(store, BUILT_IN)
        return
    endpoint = store.find("webhook_endpoint", BUILT_IN) or _endpoint(
        BUILT_IN, description="Configured by the settings", enabled_events=[ALL_TYPES]
    )
    store.save({**endpoint, "url": url}, {"secret": secret})


def _endpoint(identifier: str, **fields: Any) -> Object:
    return {
        "id": identifier,
        "object": "webhook_endpoint",
        "api_version": API_VERSION,
        "application": None,
        "created": int(time.time()),
        "description": None,
        "enabled_events": [],
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        **fields,
    }


def _apply(endpoint: Object, params: dict[str, Any]) -> None:
    for name in ("description", "enabled_events", "url"):
        if name in params:
            endpoint[name] = params[name]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        endpoint["metadata"] = intents.merge_metadata(endpoint["metadata"], params["metadata"])


def _remove(store: Store, identifier: str) -> None:
    store.run("DELETE FROM objects WHERE id = ?", (identifier,))
    deliveries.give_up(store, identifier, "the endpoint was deleted")


def _built_in() -> ApiError:
    message = "This endpoint is configured by the setting sandbox.webhook_url: change it there."
    return invalid(message)
