"""`/metrics`, in the words of Prometheus. https://prometheus.io/docs/instrumenting/exposition_formats."""

from __future__ import annotations

import hmac
import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.ops.metrics.meters import METERS
from bookshop.web.resources import Shop

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@view_config(context=Shop, name="metrics", http_cache=0)
def metrics(_context: Shop, request: Request) -> Response:
    """What was counted. To whoever may not see it there is no such page."""
    if not _may_look(request):
        raise HTTPNotFound
    processes = METERS
    if os.environ.get(SHARED_FOLDER):
        processes = CollectorRegistry()
        MultiProcessCollector(processes)  # type: ignore[no-untyped-call]
    body = generate_latest(processes) + generate_latest(request.registry.metrics)
    return Response(body=body, headerlist=[("Content-Type", CONTENT_TYPE_LATEST)])


def _may_look(request: Request) -> bool:
    settings = request.registry.bookshop
    if settings.metrics.token is None:
        return bool(settings.shop.environment == "development")
    given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    expected = f"Bearer {settings.metrics.token.reveal()}".encode()
    return hmac.compare_digest(given, expected)
