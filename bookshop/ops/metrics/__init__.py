"""What Prometheus is told of the shop: requests, Stripe, orders, money, webhooks, mail."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from pyramid.config import Configurator

from bookshop.ops.metrics.database import collector
from bookshop.ops.metrics.meters import REQUESTS, STRIPE
from bookshop.payments.errors import Outcome


def _stripe_was_asked(call: str, outcome: Outcome, seconds: float) -> None:
    STRIPE.labels(call, outcome.value).observe(seconds)


@cache  # there are few of them, and looking one up takes a lock
def _request_meter(page: str, method: str, status: str) -> Histogram:
    return REQUESTS.labels(page, method, status)


def _request_was_answered(page: str, method: str, status: str, seconds: float) -> None:
    _request_meter(page, method, status).observe(seconds)


def includeme(config: Configurator) -> None:
    """Give the registry its `metrics`, and count what the gateway asks."""
    registry = config.registry
    registry.metrics = CollectorRegistry()
    registry.metrics.register(collector(registry.engine.connect))
    ProcessCollector(namespace="bookshop", registry=registry.metrics)
    registry.payments.observe = _stripe_was_asked
    registry.watch.observe = _request_was_answered
