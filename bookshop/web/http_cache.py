"""Finished responses: static files and cached pages, compressed, with entity tags.

Early responders return them from Pyramid's execution policy, before there is a request: no tween,
session, transaction or traversal is involved.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import brotli
from pyramid.config import Configurator
from pyramid.response import Response
from pyramid.router import default_execution_policy

from bookshop.services import services

IDENTITY = "identity"
#: Content encodings, the best first.
ENCODINGS = ("br", "gzip", IDENTITY)
GZIP_LEVEL = 6
READ_METHODS = frozenset({"GET", "HEAD"})
MAX_HEADER_LENGTH = 512  # characters of a header that are parsed; no browser sends more
REQUEST_ID = "bookshop.request_id"  # in the WSGI environment
OK, NOT_MODIFIED = "200 OK", "304 Not Modified"

Headers = list[tuple[str, str]]
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_QUALITY = re.compile(r"q=(?P<q>[01](?:\.[0-9]{0,3})?)")


class Answer:
    """A finished response, as a WSGI application."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: str, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A new list, since servers add headers of their own.
        request_id = [("X-Request-Id", environ[REQUEST_ID])] if REQUEST_ID in environ else []
        start_response(self.status, [*self.headers, *request_id])
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self.body,)


EarlyResponder = Callable[[WSGIEnvironment], Answer | None]
#: Calls the function that answers a request, and logs the request.
LogRequest = Callable[[WSGIEnvironment, Callable[[], Any]], Any]


class Content:
    """A body in all content encodings. Each is compressed once, when it is first requested.

    `tag` identifies the body at its address. `headers` are sent with 200 only, `common_headers`
    with 200 and 304. `quality` is Brotli's, from 0 to 11; None disables compression.
    """

    __slots__ = ("_answers", "_body", "_common_headers", "_headers", "_quality", "_tag")

    def __init__(
        self, body: bytes, tag: str, headers: Headers, common_headers: Headers, quality: int | None
    ) -> None:
        self._body = body
        self._tag = tag
        self._headers = headers
        self._common_headers = common_headers
        self._quality = quality
        self._answers: dict[str, Answer] = {}

    @property
    def size(self) -> int:
        """The size of all bodies so far, in bytes."""
        return len(self._body) + sum(
            len(answer.body) for name, answer in [*self._answers.items()] if name != IDENTITY
        )

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """Return the response to a request's Accept-Encoding and If-None-Match headers."""
        encoding = IDENTITY
        if self._quality is not None:
            encoding = accepted(environ.get("HTTP_ACCEPT_ENCODING", ""))
        if "HTTP_IF_NONE_MATCH" in environ:
            tag = entity_tag(self._tag, encoding)
            if matches(environ["HTTP_IF_NONE_MATCH"], tag):
                return not_modified(tag, self._common_headers)
        return self._answers.get(encoding) or self._encode(encoding)

    def _encode(self, encoding: str) -> Answer:
        # Two threads may do so at once: both produce the same answer.
        body, encoding_header = self._body, []
        if encoding == "br":
            body = brotli.compress(body, mode=brotli.MODE_TEXT, quality=self._quality)
        elif encoding == "gzip":
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        if encoding != IDENTITY:
            encoding_header = [("Content-Encoding", encoding)]
        answer = Answer(
            OK,
            [
                *self._headers,
                *self._common_headers,
                *encoding_header,
                ("ETag", entity_tag(self._tag, encoding)),
                ("Content-Length", str(len(body))),
            ],
            body,
        )
        self._answers[encoding] = answer
        return answer


def entity_tag(tag: str, encoding: str) -> str:
    """Return the strong entity tag of a body in an encoding."""
    return f'"{tag}-{encoding}"'


def matches(if_none_match: str, tag: str) -> bool:
    """Return True if an If-None-Match header contains the tag, weak or strong, or is `*`."""
    if if_none_match == tag:
        return True
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match[:MAX_HEADER_LENGTH])


def not_modified(tag: str, common_headers: Headers) -> Answer:
    """Return the 304 for a client that has cached the body."""
    return Answer(NOT_MODIFIED, [*common_headers, ("ETag", tag)], b"")


def accepted(header: str) -> str:
    """Return the best of ENCODINGS that an Accept-Encoding header accepts."""
    return _accepted(header[:MAX_HEADER_LENGTH])


@lru_cache(maxsize=256)
def _accepted(header: str) -> str:
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _semicolon, rest = part.partition(";")
        match = _QUALITY.search(rest)
        weights[name.strip()] = float(match["q"]) if match else 1
    other = weights.get("*", 0)
    best = max(ENCODINGS[:-1], key=lambda name: weights.get(name, other))
    weight = weights.get(best, other)
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0) else IDENTITY


def as_response(answer: Answer) -> Response:
    """Return the answer as a Pyramid response."""
    return Response(status=answer.status, headerlist=answer.headers[:], body=answer.body or None)


def add_early_responder(config: Configurator, responder: EarlyResponder) -> None:
    """Directive: call `responder` before Pyramid creates a request; None means no answer.

    Responders are called in order, for GET and HEAD only.
    """
    config.registry.early_responders.append(responder)


def _execute(
    responders: Sequence[EarlyResponder],
    log_request: LogRequest,
    environ: WSGIEnvironment,
    router: object,
) -> object:
    return log_request(environ, partial(_respond, responders, environ, router))


def _respond(
    responders: Sequence[EarlyResponder], environ: WSGIEnvironment, router: object
) -> object:
    if environ["REQUEST_METHOD"] in READ_METHODS:
        for responder in responders:
            answer = responder(environ)
            if answer is not None:
                return answer
    return default_execution_policy(environ, router)


def includeme(config: Configurator) -> None:
    """Call the early responders first. The request log times and logs every request."""
    responders: list[EarlyResponder] = []
    config.registry.early_responders = responders
    config.add_directive("add_early_responder", add_early_responder, action_wrap=False)
    config.set_execution_policy(partial(_execute, responders, services(config).request_log))
