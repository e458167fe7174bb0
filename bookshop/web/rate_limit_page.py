"""The 429 page for requests over a rate limit."""

from __future__ import annotations

from http import HTTPStatus

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config

from bookshop.i18n import _
from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.web.maintenance import unavailable


@exception_view_config(RateLimitExceededError)
def rate_limit_exceeded(error: RateLimitExceededError, request: Request) -> Response:
    """Return the page, with the time after which to try again."""
    response = unavailable(
        request,
        "too_many_requests",
        _("Please wait a moment"),
        _("We’ve received too many requests from your network."),
        error.seconds,
    )
    response.status_int = HTTPStatus.TOO_MANY_REQUESTS
    return response
