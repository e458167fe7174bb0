"""Whole pages of the catalogue, kept in memory as long as the catalogue's version stays.

A view says `catalogue_page=("q", "page")`: its page is the same for everybody, and depends on the
catalogue and on these parameters alone. The view sees no other parameter, no cookie, no session
and no host but that of `bookshop.url`, so nothing else can get into a page that everybody is shown;
whatever else an address says (`?utm_source=…`) leads to the same page.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from http import HTTPStatus
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit
from wsgiref.types import WSGIEnvironment

from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationError
from pyramid.request import Request
from pyramid.response import Response

from bookshop.services import services
from bookshop.settings import ShopSettings
from bookshop.web.headers import ALWAYS, secure
from bookshop.web.http_cache import (
    Answer,
    Content,
    accepted,
    as_response,
    entity_tag,
    has,
    not_modified,
)
from bookshop.web.static_files import StaticFiles

ROOM = 16 * 2**20  # bytes
OVERHEAD = 2048  # bytes that a page takes beside its bodies, about
LONGEST_QUERY = 1024  # characters; what is longer is not kept
QUALITY = 5
SEEN = 1.0  # seconds for which it is believed that the shop is open, or closed
#: Told to browsers (ask each time) and to a CDN (a minute, and another while it asks).
CACHED = "public, max-age=0, s-maxage=60, stale-while-revalidate=60"
LASTING = [("Cache-Control", CACHED), ("Vary", "Accept-Encoding"), *ALWAYS]
UNKEPT = "no-cache"
HIDDEN = ("QUERY_STRING", "HTTP_COOKIE", "HTTP_HOST", "wsgi.url_scheme")
# Which of two views answers must not depend on more than the path.
CHOOSING = ("request_param", "header", "accept", "xhr", "is_authenticated", "effective_principals")

View = Callable[[Any, Request], Response]
Address = tuple[str, str]  # SCRIPT_NAME and PATH_INFO
Key = tuple[str, str, str]  # and what of the query belongs to the page


class Version(Protocol):
    """Whoever knows the catalogue's version; None where nobody does."""

    def current(self) -> int | None:
        """The version, which may be a moment old."""

    def read(self) -> int | None:
        """Return the version that is in the database now."""


class Page(NamedTuple):
    """A page that was made from one version of the catalogue."""

    content: Content
    version: int
    weight: int


class PageCache:
    """The pages of one process, those that were asked for last.

    A page is given to nobody whose version is another, whatever is being written or dropped.
    """

    def __init__(
        self,
        version: Version,
        build: str,
        shop: ShopSettings,
        room: int = ROOM,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`build` stands for all that a page is made of but the catalogue. `room` is in bytes.

        `clock` counts seconds, and never goes back.
        """
        self._version = version
        self._build = build
        self._closed = shop.maintenance
        self._clock = clock
        self._seen: tuple[float, bool] = (float("-inf"), True)
        self._url = shop.url
        self._site = urlsplit(shop.url)
        self._room = room
        self._lock = threading.Lock()
        self._pages: OrderedDict[Key, Page] = OrderedDict()
        self._parameters: dict[Address, tuple[str, ...]] = {}
        self._at: Counter[Address] = Counter()
        self._of: int | None = None
        self._weight = 0

    @property
    def weight(self) -> int:
        """How many bytes the pages take, about."""
        return self._weight

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """The page that was kept, or that nothing has changed since the browser got it.

        A tag is given out with a page and names all that the page was made of. So whoever sends the
        tag of now has the page, whichever it is: nothing has to be looked up.
        """
        address = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
        parameters = self._parameters.get(address)
        known = environ.get("HTTP_IF_NONE_MATCH")
        if (parameters is None and known is None) or self._is_closed():
            return None
        version = self._version.current()
        if version is None:
            return None
        if known is not None:
            tag = entity_tag(self._tag(version), accepted(environ.get("HTTP_ACCEPT_ENCODING", "")))
            if known.strip() != "*" and has(known, tag):
                return not_modified(tag, LASTING)
        if parameters is None:
            return None
        page = self._find(
            (*address, canonical(environ.get("QUERY_STRING", ""), parameters)), version
        )
        return page and page.content.answer(environ)

    def keep(
        self, request: Request, view: Callable[[], Response], parameters: tuple[str, ...]
    ) -> Response:
        """The answer of a view that shows a page; kept where it can be.

        What was read while the catalogue changed belongs to no version: it is shown, and not kept.
        """
        environ = request.environ
        query = canonical(environ.get("QUERY_STRING", ""), parameters)
        version = self._version.current()
        with self._nothing_else(request, query):
            response = view()
            if "Set-Cookie" in response.headers:
                raise UncacheableResponse
        if response.status_int != HTTPStatus.OK or response.content_length is None:
            return response
        # The version only grows. It was this one before the view began: the view saw no other.
        if version is None or self._version.read() != version:
            response.headers["Cache-Control"] = UNKEPT
            return response
        secure(request, response, self._url)
        page = self._page(response, version)
        address = environ.get("SCRIPT_NAME", ""), environ["PATH_INFO"]
        if request.method == "GET" and is_plain(address[1]) and len(query) <= LONGEST_QUERY:
            self._store((*address, query), page, parameters)
        return as_response(page.content.answer(environ))

    @contextmanager
    def _nothing_else(self, request: Request, query: str) -> Iterator[None]:
        """Show a view no more of the request than what the page is kept under."""
        environ = request.environ
        before = {name: environ[name] for name in HIDDEN if name in environ}
        environ.pop("HTTP_COOKIE", None)
        environ["QUERY_STRING"] = query
        environ["HTTP_HOST"] = self._site.netloc
        environ["wsgi.url_scheme"] = self._site.scheme
        request.session = NO_SESSION
        try:
            yield
        finally:
            del request.session
            for name in HIDDEN:
                environ.pop(name, None)
            environ.update(before)

    def _is_closed(self) -> bool:
        """Whether the file is there that closes the shop.

        Looking each time would cost more than the page: the thread that looks gives the
        interpreter away, and waits for its turn.
        """
        looked_at, closed = self._seen
        now = self._clock()
        if now >= looked_at + SEEN:
            closed = self._closed.exists()
            self._seen = now, closed
        return closed

    def _tag(self, version: int) -> str:
        return f"{version}-{self._build}"

    def _page(self, response: Response, version: int) -> Page:
        body = response.body
        lasting = {name.lower() for name, _value in LASTING}
        headers = [
            (name, value)
            for name, value in response.headerlist
            if name.lower() not in lasting and name.lower() != "content-length"
        ]
        content = Content(body, self._tag(version), headers, LASTING, QUALITY)
        # Compressed twice it takes less than once as it is.
        return Page(content, version, 2 * len(body) + OVERHEAD)

    def _find(self, key: Key, version: int) -> Page | None:
        with self._lock:
            if version != self._of:
                self._turn(version)
            page = self._pages.get(key)
            if page is not None:
                self._pages.move_to_end(key)
            return page

    def _store(self, key: Key, page: Page, parameters: tuple[str, ...]) -> None:
        with self._lock:
            if page.version != self._of:
                self._turn(page.version)
            if key in self._pages:
                self._drop(key)
            self._pages[key] = page
            self._parameters[key[:2]] = parameters
            self._at[key[:2]] += 1
            self._weight += page.weight
            while self._weight > self._room:
                self._drop(next(iter(self._pages)))

    def _turn(self, version: int) -> None:
        """Drop everything: from now on there are pages of that version alone."""
        self._pages.clear()
        self._parameters.clear()
        self._at.clear()
        self._weight, self._of = 0, version

    def _drop(self, key: Key) -> None:
        self._weight -= self._pages.pop(key).weight
        address = key[:2]
        self._at[address] -= 1
        if not self._at[address]:
            del self._at[address], self._parameters[address]


class UncacheableResponse(RuntimeError):
    """A page that everybody is shown was about to depend on one visitor."""

    def __init__(self) -> None:
        super().__init__("a catalogue page has no session and no cookies")


class _NoSession:
    def __getattr__(self, _name: str) -> Any:
        raise UncacheableResponse

    def __getitem__(self, _name: str) -> Any:
        raise UncacheableResponse

    def __setitem__(self, _name: str, _value: object) -> None:
        raise UncacheableResponse

    def __contains__(self, _name: object) -> bool:
        raise UncacheableResponse


NO_SESSION = _NoSession()


def canonical(query: str, parameters: tuple[str, ...]) -> str:
    """What a query says of `parameters`, the same in whatever order it stands.

    Several values of one parameter keep theirs. Bytes that are no text stay what they are.
    """
    if not query or not parameters:
        return ""
    fields = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    wanted = sorted((field for field in fields if field[0] in parameters), key=itemgetter(0))
    return urlencode(wanted, encoding="latin-1")


def is_plain(path: str) -> bool:
    """Whether a path is written as the shop writes it: `//books/./x` leads to `/books/x` too."""
    *folders, last = path.split("/")
    return "" not in folders[1:] and not {".", ".."} & {*folders, last}


@cache
def _package_digest() -> bytes:
    """Return a hash of the package's files; they are read once per process."""
    return _digest(Path(__file__).parents[1])


def _digest(folder: Path) -> bytes:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix != ".pyc" and file.is_file():
            digest.update(f"{file.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.digest()


def build_token(shop: ShopSettings, static_files: StaticFiles) -> str:
    """Return a token of all that pages are made of except the catalogue: code, files, settings.

    All processes of the same version of a shop have the same token.
    """
    digest = hashlib.sha256(_package_digest())
    if shop.theme is not None:
        digest.update(_digest(shop.theme))
    shown = (shop.name, shop.url, shop.locale, shop.currency, shop.email)
    digest.update(repr((shown, sorted(static_files.paths.items()))).encode())
    return digest.hexdigest()[:12]


def catalogue_page(view: View, info: Any) -> View:
    """View deriver: `catalogue_page` names the parameters that a page answers to."""
    parameters = info.options.get("catalogue_page")
    if parameters is None:
        return view
    if any(info.options.get(name) is not None for name in CHOOSING):
        message = f"{info.original_view}: which view shows a catalogue page follows from its path"
        raise ConfigurationError(message)

    def kept(context: Any, request: Request) -> Response:
        response: Response = services(request).page_cache.keep(
            request, partial(view, context, request), tuple(parameters)
        )
        return response

    return kept


catalogue_page.options = ("catalogue_page",)  # type: ignore[attr-defined]


def includeme(config: Configurator) -> None:
    """Let views say `catalogue_page`, and answer requests from the cache."""
    config.add_early_responder(services(config).page_cache.answer)
    config.add_view_deriver(catalogue_page)
