"""The request log: one line and one measurement for each request, and an id for its other lines.

Cached pages and static files are logged too: the log surrounds Pyramid's execution policy.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import WSGIEnvironment

import msgspec
import structlog
from pyramid.config import Configurator
from pyramid.events import ApplicationCreated, ContextFound
from pyramid.registry import Registry

from bookshop.redaction import printable, redact, redact_path
from bookshop.web.http_cache import REQUEST_ID, Answer

PAGE = "bookshop.page"  # in the WSGI environment
PUBLIC_PATH = "bookshop.public_path"  # true once a view that is not private was called
CACHED, UNMATCHED = "cached", "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST"})
MAX_PATH_LENGTH = 200
MAX_METHOD_LENGTH = 16
DIGITS = 4  # of seconds
LOG = logging.getLogger(__name__)
Observer = Callable[[str, str, str, float], None]
# Not the generator that all code of a process shares: seeding that one would repeat ids.
_RANDOM = random.Random()  # noqa: S311 - not for security  # nosec B311
# Ids that proxies assign: a UUID, or as many hexadecimal digits. Anything else in the header is
# ignored: a number could be a card's.
_PROXY_ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE)


class RequestSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """The log line of one request. `bytes` is None if the size is unknown before sending."""

    timestamp: datetime
    level: str
    logger: str
    event: str
    request_id: str
    method: str
    path: str
    status: int
    seconds: float
    bytes: int | None
    page: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status} in {self.seconds} s"


class RequestLog:
    """Assigns an id to each request, measures it and logs it.

    `observe` is called with page, method, class of status ("2xx") and seconds.
    """

    def __init__(self) -> None:
        self.observe: Observer = _ignore

    def __call__(self, environ: WSGIEnvironment, respond: Callable[[], Any]) -> Any:
        """Return what `respond` returns, and log the request."""
        began = time.perf_counter()
        request_id = _request_id(environ)
        environ[REQUEST_ID] = request_id
        bind_request_id(request_id)
        response = respond()
        seconds = time.perf_counter() - began
        cached = isinstance(response, Answer)
        if cached:
            environ[PUBLIC_PATH] = True
        page = CACHED if cached else environ.get(PAGE, UNMATCHED)
        method = environ["REQUEST_METHOD"]
        known_method = method if method in METHODS else "other"
        self.observe(page, known_method, f"{response.status[0]}xx", seconds)
        if LOG.isEnabledFor(logging.INFO):
            LOG.info(
                RequestSummary(
                    timestamp=datetime.now(UTC),
                    level="info",
                    logger=__name__,
                    event="request",
                    request_id=request_id,
                    method=logged_method(method),
                    path=logged_path(environ),
                    status=int(response.status[:3]),
                    seconds=round(seconds, DIGITS),
                    bytes=len(response.body) if cached else response.content_length,
                    page=page,
                )
            )
        if not cached:
            response.headers["X-Request-Id"] = request_id
        return response


def _request_id(environ: WSGIEnvironment) -> str:
    from_proxy: str = environ.get("HTTP_X_REQUEST_ID", "")
    # Not a secret: a random number that needs no system call.
    own = f"{_RANDOM.getrandbits(64):016x}"
    return from_proxy if _PROXY_ID.fullmatch(from_proxy) and not from_proxy.isdigit() else own


def _ignore(_page: str, _method: str, _status: str, _seconds: float) -> None:
    """Observe nothing: the observer until metrics are set up."""


def bind_request_id(request_id: str) -> None:
    """Add the id to all log lines of this thread; it replaces the previous request's id."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def logged_path(environ: WSGIEnvironment) -> str:
    """Return the path as it is logged: printable, short, and without personal data.

    The whole path is logged for views that are not private. Otherwise, also for a 404, the path may
    name an order: only its first segment is logged.
    """
    public = environ.get(PUBLIC_PATH, False)
    return redact_path(environ["PATH_INFO"], public=public)[:MAX_PATH_LENGTH]


def logged_method(method: str) -> str:
    """Return the method as it is logged: clients can send any text."""
    return method if method in METHODS else printable(redact(method))[:MAX_METHOD_LENGTH]


def _name_page(view_names: set[str], event: ContextFound) -> None:
    """Name the page by its resource's class and its view, so that there are few names."""
    request = event.request
    view = request.view_name
    matched = view in view_names and not request.subpath
    name = type(request.context).__name__
    request.environ[PAGE] = (f"{name}/{view}" if view else name) if matched else UNMATCHED


def includeme(config: Configurator) -> None:
    """Name the page of each request for the log, and give requests their `id`."""
    registry: Registry = config.registry
    config.add_request_method(lambda request: request.environ.get(REQUEST_ID), "id", reify=True)
    view_names: set[str] = set()

    def collect_view_names(_event: ApplicationCreated) -> None:
        for each in registry.introspector.get_category("views"):
            view_names.add(each["introspectable"]["name"])

    config.add_subscriber(collect_view_names, ApplicationCreated)
    config.add_subscriber(lambda event: _name_page(view_names, event), ContextFound)
