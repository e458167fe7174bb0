"""What each process counts for itself; Prometheus, or the library's shared folder, adds it up.

Where several processes serve, PROMETHEUS_MULTIPROC_DIR names a folder that they share and that is
empty at the start: https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

METERS = CollectorRegistry()
# Seconds. A kept page takes less than the first, a visit to Stripe may take the last.
STEPS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Histogram(
    "bookshop_request_seconds",
    "Requests, by the resource and view that answered, method and class of status",
    ("page", "method", "status"),
    buckets=STEPS,
    registry=METERS,
)
STRIPE = Histogram(
    "bookshop_stripe_seconds",
    "Visits to Stripe, by what was asked and how it ended",
    ("call", "outcome"),
    buckets=STEPS,
    registry=METERS,
)
