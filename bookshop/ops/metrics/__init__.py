"""Metrics for Prometheus: requests, Stripe, orders, payments, webhooks, e-mail."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from pyramid.config import Configurator
from sqlalchemy.engine import Engine

from bookshop.ops.metrics.database import database_collector
from bookshop.ops.metrics.meters import REQUEST_DURATION, STRIPE_DURATION
from bookshop.ops.metrics.views import Metrics
from bookshop.payments.errors import Outcome
from bookshop.services import services


def _observe_stripe_request(call: str, outcome: Outcome, seconds: float) -> None:
    STRIPE_DURATION.labels(call, outcome.value).observe(seconds)


@cache  # the combinations are few, and `labels` takes a lock
def _request_duration(page: str, method: str, status: str) -> Histogram:
    return REQUEST_DURATION.labels(page, method, status)


def _observe_request(page: str, method: str, status: str, seconds: float) -> None:
    _request_duration(page, method, status).observe(seconds)


def make_metrics(engine: Engine) -> CollectorRegistry:
    """Return the metrics that are computed when they are read: the database's and the process's."""
    metrics = CollectorRegistry()
    metrics.register(database_collector(engine.connect))
    ProcessCollector(namespace="bookshop", registry=metrics)
    return metrics


def includeme(config: Configurator) -> None:
    """Add `/metrics` to the resource tree; observe requests and the payments gateway."""
    config.add_branch("metrics", Metrics)
    services(config).payments.observe = _observe_stripe_request
    services(config).request_log.observe = _observe_request
