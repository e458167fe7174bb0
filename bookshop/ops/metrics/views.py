"""`/metrics`, in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import hmac
import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pyramid.httpexceptions import HTTPNotFound
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config

from bookshop.ops.metrics.meters import PROCESS_METRICS
from bookshop.services import services
from bookshop.web.resources import Resource

MULTIPROC_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


class Metrics(Resource):
    """`/metrics`: a resource, not a view of the root, so that it stays open in maintenance."""

    address = "/metrics"
    always_open = True


@view_config(context=Metrics, http_cache=0, writes=False, private=False)
def metrics(_context: Metrics, request: Request) -> Response:
    """Return all metrics; 404 without the token."""
    if not _is_authorized(request):
        raise HTTPNotFound
    processes = PROCESS_METRICS
    if os.environ.get(MULTIPROC_VARIABLE):
        processes = CollectorRegistry()
        MultiProcessCollector(processes)  # type: ignore[no-untyped-call]
    body = generate_latest(processes) + generate_latest(services(request).metrics)
    return Response(body=body, headerlist=[("Content-Type", CONTENT_TYPE_LATEST)])


def _is_authorized(request: Request) -> bool:
    settings = services(request).settings
    if settings.metrics.token is None:
        return bool(settings.shop.environment == "development")
    authorization = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    expected = f"Bearer {settings.metrics.token.reveal()}".encode()
    return hmac.compare_digest(authorization, expected)
