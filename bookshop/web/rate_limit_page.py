"""What somebody sees who has asked too often."""

from __future__ import annotations

from http import HTTPStatus

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config

from bookshop.i18n import _
from bookshop.rate_limits.limiter import TooOftenError
from bookshop.web.maintenance import unavailable


@exception_view_config(TooOftenError)
def too_often(error: TooOftenError, request: Request) -> Response:
    """The page that asks to wait."""
    response = unavailable(
        request,
        _("One moment, please"),
        _("A great many questions came from your connection. Please try again in a moment."),
        error.seconds,
    )
    response.status_int = HTTPStatus.TOO_MANY_REQUESTS
    return response
