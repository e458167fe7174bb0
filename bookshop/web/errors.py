"""What a visitor sees when something is missing, refused or broken."""

from __future__ import annotations

import logging
from typing import Any

from pyramid.csrf import BadCSRFOrigin, BadCSRFToken
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import HTTPException
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import exception_view_config, notfound_view_config
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as TooManyConnectionsError

from bookshop.i18n import _
from bookshop.web.maintenance import unavailable
from bookshop.web.request_log import redact_path

RETRY_AFTER = 5  # seconds
LOG = logging.getLogger(__name__)


@notfound_view_config(renderer="errors/404.jinja2")
@exception_view_config(URLDecodeError, renderer="errors/404.jinja2")
def not_found(_error: Exception, request: Request) -> dict[str, Any]:
    """The page for an address that leads nowhere."""
    request.response.status_int = 404
    return {}


@exception_view_config(BadCSRFToken, renderer="json")
@exception_view_config(BadCSRFOrigin, renderer="json")
def stale_page(_error: HTTPException, request: Request) -> dict[str, Any]:
    """The answer to a form that was not served to this visitor, or too long ago."""
    request.response.status_int = 400
    text = _("This page was open for too long. You haven’t been charged. Please reload it.")
    message = request.localizer.translate(text)
    return {"error": {"code": "stale_page", "field": None, "message": message}}


@exception_view_config(HTTPException)
def refused(error: HTTPException, _request: Request) -> Response:
    """Redirects, and refusals that a program reads."""
    return error


@exception_view_config(OperationalError)
@exception_view_config(TooManyConnectionsError)
def busy(error: Exception, request: Request) -> Response:
    """The page for a database that does not answer, or not in time: nothing was changed.

    A webhook is delivered again after it.
    """
    # Without its traceback: where many wait there would be many of them.
    LOG.error("the database did not answer: %s", getattr(error, "orig", error))
    return unavailable(
        request,
        "busy",
        _("The shop is very busy"),
        _("We couldn’t complete your request, and nothing was changed."),
        RETRY_AFTER,
    )


@exception_view_config(Exception, renderer="errors/500.jinja2")
def broken(error: Exception, request: Request) -> dict[str, Any]:
    """The page for a mistake of ours; its number finds the traceback in the log."""
    path = redact_path(request.environ["PATH_INFO"])
    LOG.error("request %s failed: %s %s", request.id, request.method, path, exc_info=error)
    request.response.status_int = 500
    return {"request_id": request.id}
