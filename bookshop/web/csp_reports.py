"""What browsers report of the Content-Security-Policy: what a page tried, and was not allowed.

https://w3c.github.io/webappsec-csp/#reporting
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.services import services
from bookshop.web.headers import REPORTS
from bookshop.web.resources import Shop

LARGEST = 16 * 1024  # bytes
MOST = 10  # reports of one request that are read
LONGEST = 100  # characters of what is written into the log
LOG = logging.getLogger(__name__)


@view_config(
    context=Shop, name=REPORTS.strip("/"), request_method="POST", require_csrf=False, http_cache=0
)
def take(_context: Shop, request: Request) -> Response:
    """Write into the log what a browser reports. Anybody may send anything here."""
    body = request.body_file.read(LARGEST + 1)
    if len(body) > LARGEST:
        return Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        services(request).rate_limiter.count_network("csp_reports", request)
        for directive, blocked, page in _read(json.loads(body)):
            LOG.warning("a page was not allowed: %s of %s on %s", directive, blocked, page)
    except RateLimitExceededError:
        return Response(status=HTTPStatus.TOO_MANY_REQUESTS)
    except (ValueError, RecursionError):
        return Response(status=HTTPStatus.BAD_REQUEST)
    return Response(status=HTTPStatus.NO_CONTENT)


def _read(body: Any) -> Iterator[tuple[str, str, str]]:
    """Directive, what was blocked, and the page, in both forms that browsers send."""
    for each in body[:MOST] if isinstance(body, list) else [body]:
        report = each.get("body") or each.get("csp-report") if isinstance(each, dict) else None
        if isinstance(report, dict):
            yield (
                _short(report.get("effectiveDirective") or report.get("effective-directive")),
                _place(report.get("blockedURL") or report.get("blocked-uri")),
                _path(report.get("documentURL") or report.get("document-uri")),
            )


def _place(url: object) -> str:
    """The origin of an address, whose path and query may hold what is nobody's business."""
    parts = urlsplit(url if isinstance(url, str) else "")
    return _short(f"{parts.scheme}://{parts.netloc}" if parts.netloc else url)


def _path(url: object) -> str:
    """The first part of a page's path: what follows may name an order."""
    path = urlsplit(url if isinstance(url, str) else "").path
    return _short("/" + path.lstrip("/").partition("/")[0])


def _short(text: object) -> str:
    """Printable, on one line, and not long."""
    shown = text if isinstance(text, str) else ""
    return "".join(each for each in shown[:LONGEST] if each.isprintable())
