"""Answers that are finished before they are asked for: files, and pages that were kept.

They are given by Pyramid's execution policy, before there is a request: no tween, no session, no
transaction and no traversal is part of them.
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
#: What a body is sent as, the best first.
ENCODINGS = ("br", "gzip", IDENTITY)
GZIP_LEVEL = 6
READING = frozenset({"GET", "HEAD"})
LONGEST_HEADER = 512  # characters of a header that are read; no browser sends more
REQUEST_ID = "bookshop.request_id"  # in the WSGI environment
OK, NOT_MODIFIED = "200 OK", "304 Not Modified"

Headers = list[tuple[str, str]]
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_QUALITY = re.compile(r"q=(?P<q>[01](?:\.[0-9]{0,3})?)")


class Answer:
    """A finished answer: a WSGI application that always says the same."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: str, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A new list, since servers add headers of their own.
        own = [("X-Request-Id", environ[REQUEST_ID])] if REQUEST_ID in environ else []
        start_response(self.status, [*self.headers, *own])
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self.body,)


EarlyResponder = Callable[[WSGIEnvironment], Answer | None]
#: Calls the function that it is given to answer a request, and logs the request.
LogRequest = Callable[[WSGIEnvironment, Callable[[], Any]], Any]


class Content:
    """A body in all the encodings that browsers read. Each is made once, when it is asked for.

    `tag` stands for these bytes and no others at this address. `headers` are those of each answer,
    `lasting` those of them that a 304 repeats. `quality` is Brotli's, from 0 to 11; None where
    there is nothing to compress.
    """

    __slots__ = ("_answers", "_body", "_headers", "_lasting", "_quality", "_tag")

    def __init__(
        self, body: bytes, tag: str, headers: Headers, lasting: Headers, quality: int | None
    ) -> None:
        self._body = body
        self._tag = tag
        self._headers = headers
        self._lasting = lasting
        self._quality = quality
        self._answers: dict[str, Answer] = {}

    @property
    def size(self) -> int:
        """How many bytes the bodies hold by now."""
        return len(self._body) + sum(
            len(answer.body) for name, answer in [*self._answers.items()] if name != IDENTITY
        )

    def answer(self, environ: WSGIEnvironment) -> Answer:
        """What a request gets that may name an encoding, and a tag that it has."""
        encoding = IDENTITY
        if self._quality is not None:
            encoding = accepted(environ.get("HTTP_ACCEPT_ENCODING", ""))
        if "HTTP_IF_NONE_MATCH" in environ:
            tag = entity_tag(self._tag, encoding)
            if has(environ["HTTP_IF_NONE_MATCH"], tag):
                return not_modified(tag, self._lasting)
        return self._answers.get(encoding) or self._make(encoding)

    def _make(self, encoding: str) -> Answer:
        # Two threads may both come here at first: they make the same.
        body, own = self._body, []
        if encoding == "br":
            body = brotli.compress(body, mode=brotli.MODE_TEXT, quality=self._quality)
        elif encoding == "gzip":
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
        if encoding != IDENTITY:
            own = [("Content-Encoding", encoding)]
        made = Answer(
            OK,
            [
                *self._headers,
                *self._lasting,
                *own,
                ("ETag", entity_tag(self._tag, encoding)),
                ("Content-Length", str(len(body))),
            ],
            body,
        )
        self._answers[encoding] = made
        return made


def entity_tag(tag: str, encoding: str) -> str:
    """The strong tag of a body in an encoding: other bytes, another tag."""
    return f'"{tag}-{encoding}"'


def has(if_none_match: str, tag: str) -> bool:
    """Whether somebody has the body of that tag: If-None-Match names it, weakly or not, or all."""
    if if_none_match == tag:
        return True
    return if_none_match.strip() == "*" or tag in _TAG.findall(if_none_match[:LONGEST_HEADER])


def not_modified(tag: str, lasting: Headers) -> Answer:
    """The answer to somebody who has it. What it does not say stays as the browser knows it."""
    return Answer(NOT_MODIFIED, [*lasting, ("ETag", tag)], b"")


def accepted(header: str) -> str:
    """The best of ENCODINGS that an Accept-Encoding header takes."""
    return _accepted(header[:LONGEST_HEADER])


@lru_cache(maxsize=256)
def _accepted(header: str) -> str:
    wishes: dict[str, float] = {}
    for part in header.lower().split(","):
        name, _semicolon, rest = part.partition(";")
        weight = _QUALITY.search(rest)
        wishes[name.strip()] = float(weight["q"]) if weight else 1
    other = wishes.get("*", 0)
    found = max(ENCODINGS[:-1], key=lambda name: wishes.get(name, other))
    liked = wishes.get(found, other)
    return found if liked > 0 and liked >= wishes.get(IDENTITY, 0) else IDENTITY


def as_response(answer: Answer) -> Response:
    """The same as Pyramid's views answer it."""
    return Response(status=answer.status, headerlist=answer.headers[:], body=answer.body or None)


def add_early_responder(config: Configurator, responder: EarlyResponder) -> None:
    """Directive: ask `responder` before there is a request; if it returns None, ask the next one.

    Responders see GET and HEAD requests only.
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
    if environ["REQUEST_METHOD"] in READING:
        for responder in responders:
            answer = responder(environ)
            if answer is not None:
                return answer
    return default_execution_policy(environ, router)


def includeme(config: Configurator) -> None:
    """Ask the early responders first. The request log times and logs every request."""
    responders: list[EarlyResponder] = []
    config.registry.early_responders = responders
    config.add_directive("add_early_responder", add_early_responder, action_wrap=False)
    config.set_execution_policy(partial(_execute, responders, services(config).request_log))
