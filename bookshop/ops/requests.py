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
from functools import cache
from typing import Any
from wsgiref.types import WSGIEnvironment

from prometheus_client import Histogram
from pyramid.config import Configurator
from pyramid.events import ApplicationCreated, ContextFound
from pyramid.registry import Registry

from bookshop.answers import REQUEST_ID, Answer
from bookshop.ops.logs import Summary, name_request
from bookshop.ops.metrics.meters import REQUESTS

PAGE = "bookshop.page"
READY_MADE, NOWHERE = "ready-made", "nowhere"
METHODS = frozenset({"GET", "HEAD", "POST"})
LOG = logging.getLogger(__name__)
# From a proxy that gives one; whatever else is sent is not taken.
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
# What an address says after these is somebody's own: an order, or who they are.
_PRIVATE = re.compile(r"(?<=^/orders/).+")
_UNSAID = re.compile(r"[^\x20-\x7e]")
LONGEST_PATH = 200
DIGITS = 4  # of seconds


def watch(environ: WSGIEnvironment, ask: Callable[[], Any]) -> Any:
    """Answer a request, named before and written down afterwards."""
    began = time.perf_counter()
    given = environ.get("HTTP_X_REQUEST_ID", "")
    # It is no secret: a random number without a word with the system.
    own = f"{random.getrandbits(64):016x}"  # nosec B311
    request_id = given if _GIVEN.fullmatch(given) else own
    environ[REQUEST_ID] = request_id
    name_request(request_id)
    response = ask()
    seconds = time.perf_counter() - began
    ready_made = isinstance(response, Answer)
    status = int(response.status[:3])
    page = READY_MADE if ready_made else environ.get(PAGE, NOWHERE)
    method = environ["REQUEST_METHOD"]
    meter(page, method if method in METHODS else "other", response.status[0]).observe(seconds)
    if LOG.isEnabledFor(logging.INFO):
        LOG.info(
            Summary(
                timestamp=datetime.now(UTC),
                level="info",
                logger=__name__,
                event="request",
                request_id=request_id,
                method=method[:16],
                path=spoken(environ["PATH_INFO"]),
                status=status,
                seconds=round(seconds, DIGITS),
                bytes=len(response.body) if ready_made else response.content_length,
                page=page,
            )
        )
    if not ready_made:
        response.headers["X-Request-Id"] = request_id
    return response


@cache  # as there are few of them
def meter(page: str, method: str, kind: str) -> Histogram:
    """What counts the requests for a page by method and class of status."""
    return REQUESTS.labels(page, method, f"{kind}xx")


def spoken(path: str) -> str:
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
    """Watch all requests; a request has its `id`."""
    registry: Registry = config.registry
    registry.watch = watch
    config.add_request_method(lambda request: request.environ.get(REQUEST_ID), "id", reify=True)
    names: set[str] = set()

    def learn(_event: ApplicationCreated) -> None:
        for each in registry.introspector.get_category("views"):
            names.add(each["introspectable"]["name"])

    config.add_subscriber(learn, ApplicationCreated)
    config.add_subscriber(lambda event: note_page(names, event), ContextFound)
