"""Stripe's errors: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

INVALID = "invalid_request_error"


class ApiError(Exception):
    """An error response: HTTP status and the fields of Stripe's `error` object."""

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, **fields: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers: Mapping[str, str] = {}
        error = {"code": code, "doc_url": code and doc_url(code), "message": message, **fields}
        self.error = {name: value for name, value in error.items() if value is not None}
        self.error["type"] = kind

    def body(self, request_log_url: str) -> dict[str, Any]:
        """Return the JSON of the response."""
        return {"error": {**self.error, "request_log_url": request_log_url}}


class Declined(ApiError):
    """A payment attempt failed; its charge is kept."""


def doc_url(code: str) -> str:
    """Return the address of Stripe's page about an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def invalid(message: str, *, code: str | None = None, **fields: Any) -> ApiError:
    """Return 400: the request itself is wrong."""
    return ApiError(400, INVALID, message, code=code, **fields)


def unknown_parameters(names: Iterable[str]) -> ApiError:
    """Return 400 for parameters that Stripe doesn't have."""
    listed = list(names)
    noun = "parameter" if len(listed) == 1 else "parameters"
    message = f"Received unknown {noun}: {', '.join(listed)}"
    return invalid(message, code="parameter_unknown", param=listed[0])


def missing_parameter(name: str) -> ApiError:
    """Return 400 for a required parameter that wasn't sent."""
    return invalid(f"Missing required param: {name}.", code="parameter_missing", param=name)


def missing_resource(kind: str, identifier: str, param: str, *, in_path: bool = False) -> ApiError:
    """Return the error for an unknown id: 404 in the path, 400 in a parameter."""
    message = f"No such {kind}: '{identifier}'"
    status = 404 if in_path else 400
    return ApiError(status, INVALID, message, code="resource_missing", param=param)


def unexpected_state(message: str, intent: dict[str, Any]) -> ApiError:
    """Return 400 for an operation that the PaymentIntent's status does not allow."""
    return invalid(message, code="payment_intent_unexpected_state", payment_intent=intent)


def unknown_url(method: str, path: str) -> ApiError:
    """Return 404 for an address that the API doesn't have."""
    message = (
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs "
        "or we can help at https://support.stripe.com/."
    )
    return ApiError(404, INVALID, message)


def server_error() -> ApiError:
    """Return 500, with Stripe's message for internal errors."""
    message = "An unknown error occurred. Please try again, or contact us if it happens again."
    error = ApiError(500, "api_error", message)
    # A retry with the same key would get the same response.
    error.headers = {"Stripe-Should-Retry": "false"}
    return error


def rate_limited() -> ApiError:
    """Return 429: https://docs.stripe.com/rate-limits."""
    message = (
        "Request rate limit exceeded. You can learn more about rate limits here "
        "https://stripe.com/docs/rate-limits."
    )
    return ApiError(429, INVALID, message, code="rate_limit")
