"""Metrics counted in each process.

Where several processes serve, PROMETHEUS_MULTIPROC_DIR names a folder that they share and that is
empty at the start: https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

PROCESS_METRICS = CollectorRegistry()
# Seconds. A cached page takes less than the first, a request to Stripe may take the last.
BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUEST_DURATION = Histogram(
    "bookshop_http_request_duration_seconds",
    "Duration of HTTP requests, by page (resource and view), method and status class",
    ("page", "method", "status"),
    buckets=BUCKETS,
    registry=PROCESS_METRICS,
)
STRIPE_DURATION = Histogram(
    "bookshop_stripe_request_duration_seconds",
    "Duration of requests to Stripe, by call and outcome",
    ("call", "outcome"),
    buckets=BUCKETS,
    registry=PROCESS_METRICS,
)
