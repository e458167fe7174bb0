"""Calls as plain as they come, so that what is sent is what a test says."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

INTENTS = "/v1/payment_intents"


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the JSON that came with it."""

    status: int
    body: Any

    @property
    def error(self) -> dict[str, Any]:
        """The `error` of an error body."""
        found: dict[str, Any] = self.body["error"]
        return found


class Client:
    """Speaks to one server with one key, form-encoded. Parameters are named as on the wire."""

    def __init__(self, url: str, key: str) -> None:
        self.key = key
        self._url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def get(self, path: str, parameters: dict[str, Any] | None = None) -> Answer:
        """GET with a query."""
        return self._call("GET", f"{path}?{urlencode(parameters or {})}", "", {})

    def post(self, path: str, parameters: dict[str, Any] | None = None, **headers: str) -> Answer:
        """POST with a form; `idempotency_key='…'` is the header Idempotency-Key."""
        return self._call("POST", path, urlencode(parameters or {}), headers)

    def delete(self, path: str) -> Answer:
        """DELETE, without parameters."""
        return self._call("DELETE", path, "", {})

    def create(self, **parameters: Any) -> dict[str, Any]:
        """An intent over £12.99, or as given; it must succeed."""
        answer = self.post(INTENTS, {"amount": 1299, "currency": "gbp", **parameters})
        assert answer.status == 200, answer
        intent: dict[str, Any] = answer.body
        return intent

    def confirm(self, intent: dict[str, Any], parameters: dict[str, Any]) -> Answer:
        """Confirm an intent, with the client secret where the key is for browsers."""
        if self.key.startswith("pk_"):
            parameters = {"client_secret": intent["client_secret"], **parameters}
        return self.post(f"{INTENTS}/{intent['id']}/confirm", parameters)

    def post_json(self, path: str, content: Any) -> Answer:
        """POST JSON, as the sandbox's control endpoints take it."""
        headers = {"content-type": "application/json"}
        return self._call("POST", path, json.dumps(content), headers)

    def _call(self, method: str, target: str, body: str, headers: dict[str, str]) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self._pool.request(
            method,
            self._url + target,
            body=body.encode() or None,
            headers={
                "authorization": f"Bearer {self.key}",
                "content-type": "application/x-www-form-urlencoded",
                "stripe-version": "2026-10-28.endive",
                **named,
            },
        )
        return Answer(answer.status, answer.json() if answer.data else None)
