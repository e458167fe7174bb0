"""Reports of Content-Security-Policy violations, logged.

They show the operator that a theme or a new origin of Stripe's is blocked, which happens in
browsers only. https://w3c.github.io/webappsec-csp/#reporting
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

MAX_BODY_BYTES = 16 * 1024
MAX_REPORTS = 10  # of one request
MAX_FIELD_LENGTH = 100  # characters
LOG = logging.getLogger(__name__)


@view_config(
    context=Shop,
    name=REPORTS.strip("/"),
    request_method="POST",
    require_csrf=False,
    http_cache=0,
    private=False,
)
def receive_reports(_context: Shop, request: Request) -> Response:
    """Log a browser's reports. The sender is not authenticated."""
    body = request.body_file.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        return Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        services(request).rate_limiter.count_network("csp_reports", request)
        for fields in _parse(json.loads(body)):
            LOG.warning("csp_violation", extra=fields)
    except RateLimitExceededError:
        return Response(status=HTTPStatus.TOO_MANY_REQUESTS)
    except (ValueError, RecursionError):
        return Response(status=HTTPStatus.BAD_REQUEST)
    return Response(status=HTTPStatus.NO_CONTENT)


def _parse(body: Any) -> Iterator[dict[str, str]]:
    """Yield `directive`, `blocked` and `page` of reports in the two formats of browsers."""
    for item in body[:MAX_REPORTS] if isinstance(body, list) else [body]:
        report = item.get("body") or item.get("csp-report") if isinstance(item, dict) else None
        if isinstance(report, dict):
            directive = report.get("effectiveDirective") or report.get("effective-directive")
            yield {
                "directive": _printable(directive),
                "blocked": _origin(report.get("blockedURL") or report.get("blocked-uri")),
                "page": _first_segment(report.get("documentURL") or report.get("document-uri")),
            }


def _origin(url: object) -> str:
    """Return the origin of a URL; its path and query may contain personal data."""
    parts = urlsplit(url if isinstance(url, str) else "")
    host = parts.netloc.rpartition("@")[2]
    return _printable(f"{parts.scheme}://{host}" if host else url)


def _first_segment(url: object) -> str:
    """Return the first segment of a URL's path; the others may name an order."""
    path = urlsplit(url if isinstance(url, str) else "").path
    return _printable("/" + path.lstrip("/").partition("/")[0])


def _printable(value: object) -> str:
    """Return the first characters of a text, on one line."""
    text = value if isinstance(value, str) else ""
    return "".join(each for each in text[:MAX_FIELD_LENGTH] if each.isprintable())
