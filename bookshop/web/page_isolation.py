"""Isolation of pages that are the same for every visitor: nothing personal can get into them.

While such a page is rendered, the request has no cookies, no session, no host but that of
`bookshop.url`, and only the query parameters that the page depends on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from pyramid.request import Request

HIDDEN = ("QUERY_STRING", "HTTP_COOKIE", "HTTP_HOST", "wsgi.url_scheme")


class UncacheableResponse(RuntimeError):
    """A page that is the same for every visitor used a session or set a cookie."""

    def __init__(self) -> None:
        super().__init__("a catalogue page has no session and no cookies")


class _NoSession:
    """Raises UncacheableResponse on any use."""

    def __getattr__(self, _name: str) -> Any:
        raise UncacheableResponse

    def __getitem__(self, _name: str) -> Any:
        raise UncacheableResponse

    def __setitem__(self, _name: str, _value: object) -> None:
        raise UncacheableResponse

    def __contains__(self, _name: object) -> bool:
        raise UncacheableResponse


NO_SESSION = _NoSession()


@contextmanager
def isolated(request: Request, query: str, site: str) -> Iterator[None]:
    """Hide everything from the view except the path and `query`; `site` is the shop's address."""
    environ = request.environ
    hidden = {name: environ[name] for name in HIDDEN if name in environ}
    address = urlsplit(site)
    environ.pop("HTTP_COOKIE", None)
    environ["QUERY_STRING"] = query
    environ["HTTP_HOST"] = address.netloc
    environ["wsgi.url_scheme"] = address.scheme
    request.session = NO_SESSION
    try:
        yield
    finally:
        del request.session
        for name in HIDDEN:
            environ.pop(name, None)
        environ.update(hidden)


def canonical_query(query: str, parameters: tuple[str, ...]) -> str:
    """Return the query limited to `parameters`, in a canonical order.

    The values of a repeated parameter keep their order. Bytes that are not UTF-8 stay as they are.
    """
    if not query or not parameters:
        return ""
    fields = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    relevant = sorted((field for field in fields if field[0] in parameters), key=itemgetter(0))
    return urlencode(relevant, encoding="latin-1")
