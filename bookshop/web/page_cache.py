"""In-memory cache of whole catalogue pages, valid for one version of the catalogue.

A cached page is the same for every visitor. It depends on the catalogue, on its path and on the
query parameters that its view names in `catalogue_page=…` (see view_policies).
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple, Protocol
from wsgiref.types import WSGIEnvironment

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from bookshop.services import services
from bookshop.settings import ShopSettings
from bookshop.web.headers import ALWAYS, secure
from bookshop.web.http_cache import Answer, Content, as_response
from bookshop.web.page_isolation import (
    UncacheableResponse,
    canonical_query,
    isolated,
)

MAX_BYTES = 16 * 2**20
PAGE_OVERHEAD = 2048  # bytes per page besides its bodies, estimated
MAX_QUERY_LENGTH = 1024  # characters; pages with longer queries are not cached
BROTLI_QUALITY = 5
MAINTENANCE_CHECK_INTERVAL = 1.0  # seconds
#: Browsers revalidate each time; a CDN may serve a page for a minute, and another while it does.
CACHED = "public, max-age=0, s-maxage=60, stale-while-revalidate=60"
COMMON_HEADERS = [("Cache-Control", CACHED), ("Vary", "Accept-Encoding"), *ALWAYS]
NOT_CACHED = "no-cache"

Address = tuple[str, str]  # SCRIPT_NAME and PATH_INFO
Key = tuple[str, str, str]  # SCRIPT_NAME, PATH_INFO and the canonical query


class Version(Protocol):
    """The catalogue's version; None if it is unknown."""

    def current(self) -> int | None:
        """Return the version, which may be some moments old."""

    def read(self) -> int | None:
        """Return the version that is in the database now."""


class Page(NamedTuple):
    """A rendered page, and the version of the catalogue that it shows."""

    content: Content
    version: int
    size: int


class PageCache:
    """The pages of one process, least recently used first. It never returns an outdated page."""

    def __init__(
        self,
        version: Version,
        build: str,
        shop: ShopSettings,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`build` identifies everything that pages depend on except the catalogue.

        `clock` counts seconds, and never goes back.
        """
        self._version = version
        self._build = build
        self._maintenance = shop.maintenance
        self._clock = clock
        self._maintenance_check: tuple[float, bool] = (float("-inf"), True)
        self._url = shop.url
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._parameters: dict[Address, tuple[str, ...]] = {}
        self._pages_at: Counter[Address] = Counter()
        self._pages_version: int | None = None
        self._size = 0

    @property
    def size(self) -> int:
        """The size of all pages in bytes, estimated."""
        return self._size

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Return the cached page, or 304 if the browser has it already; None if it is not cached.

        The current entity tag is the same for all pages: that a client sends it does not prove that
        there is a page at this address.
        """
        address = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
        parameters = self._parameters.get(address)
        if parameters is None or self._in_maintenance():
            return None
        version = self._version.current()
        if version is None:
            return None
        query = canonical_query(environ.get("QUERY_STRING", ""), parameters)
        page = self._find((*address, query), version)
        return page and page.content.answer(environ)

    def render(
        self, request: Request, view: Callable[[], Response], parameters: tuple[str, ...]
    ) -> Response:
        """Return the view's response, and cache it where possible.

        A page that was rendered while the catalogue changed belongs to no version: it is not
        cached. Raises UncacheableResponse.
        """
        environ = request.environ
        query = canonical_query(environ.get("QUERY_STRING", ""), parameters)
        version = self._version.current()
        with isolated(request, query, self._url):
            response = view()
            if "Set-Cookie" in response.headers:
                raise UncacheableResponse
        if response.status_int != HTTPStatus.OK or response.content_length is None:
            return response
        # Versions only grow: if it is the same after the view, the view has seen no other.
        if version is None or self._version.read() != version:
            response.headers["Cache-Control"] = NOT_CACHED
            return response
        secure(request, response, self._url)
        page = self._page(response, version)
        address = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
        if request.method == "GET" and len(query) <= MAX_QUERY_LENGTH:
            self._store((*address, query), page, parameters)
        return as_response(page.content.answer(environ))

    def _in_maintenance(self) -> bool:
        """Return True if the shop is closed for maintenance.

        The file is checked once a second: a system call for each page would take longer than the
        page, since the thread gives up the interpreter lock for it.
        """
        checked_at, closed = self._maintenance_check
        now = self._clock()
        if now >= checked_at + MAINTENANCE_CHECK_INTERVAL:
            closed = self._maintenance.exists()
            self._maintenance_check = now, closed
        return closed

    def _tag(self, version: int) -> str:
        return f"{version}-{self._build}"

    def _page(self, response: Response, version: int) -> Page:
        body = response.body
        common_names = {name.lower() for name, _value in COMMON_HEADERS}
        headers = [
            (name, value)
            for name, value in response.headerlist
            if name.lower() not in common_names and name.lower() != "content-length"
        ]
        content = Content(body, self._tag(version), headers, COMMON_HEADERS, BROTLI_QUALITY)
        # The two compressed bodies together are smaller than the plain one.
        return Page(content, version, 2 * len(body) + PAGE_OVERHEAD)

    def _find(self, key: Key, version: int) -> Page | None:
        with self._lock:
            if version != self._pages_version:
                self._clear(version)
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            return page

    def _store(self, key: Key, page: Page, parameters: tuple[str, ...]) -> None:
        with self._lock:
            if page.version != self._pages_version:
                self._clear(page.version)
            if key in self._pages:
                self._drop(key)
            self._pages[key] = page
            self._parameters[key[:2]] = parameters
            self._pages_at[key[:2]] += 1
            self._size += page.size
            while self._size > self._max_bytes:
                self._drop(next(iter(self._pages)))

    def _clear(self, version: int) -> None:
        """Drop all pages; pages stored from now on belong to `version`."""
        self._pages.clear()
        self._parameters.clear()
        self._pages_at.clear()
        self._size, self._pages_version = 0, version

    def _drop(self, key: Key) -> None:
        self._size -= self._pages.pop(key).size
        address = key[:2]
        self._pages_at[address] -= 1
        if not self._pages_at[address]:
            del self._pages_at[address], self._parameters[address]


def includeme(config: Configurator) -> None:
    """Answer requests from the cache before Pyramid sees them."""
    config.add_early_responder(services(config).page_cache.answer)
