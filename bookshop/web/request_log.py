"""Every request has an id, a line in the log when it is done, and is counted.

That goes for pages that were kept and for files too: it is done around Pyramid's execution policy.
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

from bookshop.web.http_cache import REQUEST_ID, Answer

PAGE = "bookshop.page"
READY_MADE, NOWHERE = "ready-made", "nowhere"
METHODS = frozenset({"GET", "HEAD", "POST"})
LOG = logging.getLogger(__name__)
Observer = Callable[[str, str, str, float], None]
# From a proxy that gives one; whatever else is sent is not taken.
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
# What an address says after these is somebody's own: an order, or who they are.
_PRIVATE = re.compile(r"(?<=^/orders/).+")
_UNSAID = re.compile(r"[^\x20-\x7e]")
LONGEST_PATH = 200
DIGITS = 4  # of seconds


class RequestSummary(msgspec.Struct, frozen=True, omit_defaults=True):
    """One request, in a line. `bytes` is None where nobody knows before they are sent."""

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
    """Names, times and logs each request, kept pages and static files included.

    `observe` is called with page, method, class of status ("2xx") and seconds.
    """

    def __init__(self) -> None:
        self.observe: Observer = _ignore

    def __call__(self, environ: WSGIEnvironment, respond: Callable[[], Any]) -> Any:
        """Answer a request by `respond`, and log it afterwards."""
        began = time.perf_counter()
        request_id = _request_id(environ)
        environ[REQUEST_ID] = request_id
        name_request(request_id)
        response = respond()
        seconds = time.perf_counter() - began
        kept = isinstance(response, Answer)
        page = READY_MADE if kept else environ.get(PAGE, NOWHERE)
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
                    method=method[:16],
                    path=redact_path(environ["PATH_INFO"]),
                    status=int(response.status[:3]),
                    seconds=round(seconds, DIGITS),
                    bytes=len(response.body) if kept else response.content_length,
                    page=page,
                )
            )
        if not kept:
            response.headers["X-Request-Id"] = request_id
        return response


def _request_id(environ: WSGIEnvironment) -> str:
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    # Not a secret: a random number that needs no system call.
    own = f"{random.getrandbits(64):016x}"  # nosec B311
    return given if _GIVEN.fullmatch(given) else own


def _ignore(_page: str, _method: str, _status: str, _seconds: float) -> None:
    """Count nothing: the observer until metrics are set up."""


def name_request(request_id: str) -> None:
    """Have each line of this thread name the request, until the next one is named."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def redact_path(path: str) -> str:
    """A path as it may stand in the log: printable, not long, and without what opens an order."""
    return _PRIVATE.sub("…", _UNSAID.sub("?", path[:LONGEST_PATH]))


def note_page(names: set[str], event: ContextFound) -> None:
    """Name the page by its resource's class and its view, of which there are few."""
    request = event.request
    view = request.view_name
    known = view in names and not request.subpath
    name = type(request.context).__name__
    request.environ[PAGE] = (f"{name}/{view}" if view else name) if known else NOWHERE


def includeme(config: Configurator) -> None:
    """Log all requests; a request has its `id`."""
    registry: Registry = config.registry
    config.add_request_method(lambda request: request.environ.get(REQUEST_ID), "id", reify=True)
    names: set[str] = set()

    def remember_view_names(_event: ApplicationCreated) -> None:
        for each in registry.introspector.get_category("views"):
            names.add(each["introspectable"]["name"])

    config.add_subscriber(remember_view_names, ApplicationCreated)
    config.add_subscriber(lambda event: note_page(names, event), ContextFound)
