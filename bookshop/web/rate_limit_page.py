"""What somebody sees who has asked too often."""

from __future__ import annotations

from http import HTTPStatus

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config

from bookshop.i18n import _
from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.web.maintenance import unavailable


@exception_view_config(RateLimitExceededError)
def too_often(error: RateLimitExceededError, request: Request) -> Response:
    """The page that asks to wait."""
    response = unavailable(
        request,
        "too_many_requests",
        _("Too many requests"),
        _("We’ve received too many requests from your network."),
        error.seconds,
    )
    response.status_int = HTTPStatus.TOO_MANY_REQUESTS
    return response
