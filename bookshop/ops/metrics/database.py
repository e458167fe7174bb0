"""Metrics read from the database: orders, payments, webhook events, e-mail.

Every process reports the same values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock
from bookshop.mail.models import MailRecord, MailStatus
from bookshop.ops.timeouts import DeadlineExceededError, TimeoutRunner
from bookshop.orders.models import Order
from bookshop.orders.payment.failed_attempts import recent_attempts
from bookshop.orders.states import OrderStatus
from bookshop.webhooks.models import EventRecord, EventStatus

Gauges = list[Metric]


class DatabaseCollector(Collector):
    """Queries the database at each scrape; reports only `bookshop_database_up` if that fails."""

    def __init__(self, runner: TimeoutRunner[Gauges]) -> None:
        self._runner = runner

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering the collector does not query the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield `bookshop_database_up`, and the gauges if the database responded in time."""
        up = GaugeMetricFamily("bookshop_database_up", "1 if the database responded in time")
        try:
            gauges = self._runner.run()
        except (DeadlineExceededError, SQLAlchemyError):
            gauges = None
        up.add_metric((), int(gauges is not None))
        yield up
        yield from gauges or ()


def read_gauges(connection: Connection) -> Gauges:
    """Return all gauges of the database."""
    now = clock.now()
    return [*_orders(connection, now), *_events(connection, now), *_emails(connection, now)]


def _orders(connection: Connection, now: datetime) -> Iterator[Metric]:
    yield _by_status(connection, "bookshop_orders", "Orders, by status", Order.status, OrderStatus)
    reserved = select(func.count()).where(Order.stock_reserved)
    yield _gauge(connection, "bookshop_reservations", "Orders with reserved stock", reserved)
    expired = reserved.where(Order.reserved_until < now)
    about = "Orders whose reservation has expired but is not released"
    yield _gauge(connection, "bookshop_reservations_expired", about, expired)
    for name, about, flag in (
        (
            "payment_mismatch",
            "Orders whose payment at Stripe does not match, for a person to review",
            Order.payment_mismatch,
        ),
        (
            "out_of_stock",
            "Orders that were paid when their books were out of stock",
            Order.out_of_stock,
        ),
        (
            "rejected",
            "Orders whose payment is not accepted: outdated, or too many failed attempts",
            Order.rejection.is_not(None),
        ),
    ):
        counting = select(func.count()).select_from(Order).where(flag)
        yield _gauge(connection, f"bookshop_orders_{name}", about, counting)
    about = "Failed attempts to pay in the last hour"
    yield _gauge(connection, "bookshop_failed_payment_attempts", about, recent_attempts(now))
    yield from _amounts(connection)


def _amounts(connection: Connection) -> Iterator[Metric]:
    money = select(Order.currency, func.sum(Order.total), func.sum(Order.refunded))
    paid = GaugeMetricFamily(
        "bookshop_paid_minor_units", "Amount paid, in minor units", labels=("currency",)
    )
    refunded = GaugeMetricFamily(
        "bookshop_refunded_minor_units",
        "Amount refunded, in minor units",
        labels=("currency",),
    )
    for currency, total, refunded_total in connection.execute(
        money.where(Order.paid_at.is_not(None)).group_by(Order.currency)
    ):
        paid.add_metric((currency,), int(total))
        refunded.add_metric((currency,), int(refunded_total))
    yield paid
    yield refunded


def _events(connection: Connection, now: datetime) -> Iterator[Metric]:
    yield _by_status(
        connection,
        "bookshop_webhook_events",
        "Webhook events, by status",
        EventRecord.status,
        EventStatus,
    )
    failed = select(func.min(EventRecord.received_at)).where(
        EventRecord.status == EventStatus.FAILED
    )
    yield _age(
        connection,
        "bookshop_webhook_oldest_failed_event_age_seconds",
        "Age of the oldest event that could not be applied; 0 if there is none",
        failed,
        now,
    )
    newest = select(func.max(EventRecord.received_at))
    yield _age(
        connection,
        "bookshop_webhook_last_event_age_seconds",
        "Time since the last event was received",
        newest,
        now,
    )


def _emails(connection: Connection, now: datetime) -> Iterator[Metric]:
    yield _by_status(
        connection, "bookshop_emails", "E-mails, by status", MailRecord.status, MailStatus
    )
    waiting = select(func.min(MailRecord.written_at)).where(MailRecord.status == MailStatus.WAITING)
    yield _age(
        connection,
        "bookshop_outbox_oldest_email_age_seconds",
        "Age of the oldest e-mail that waits for delivery; 0 if there is none",
        waiting,
        now,
    )


def _by_status(
    connection: Connection, name: str, about: str, column: Any, statuses: type[StrEnum]
) -> Metric:
    """Return a gauge with one value for each status, 0 included."""
    gauge = GaugeMetricFamily(name, about, labels=("status",))
    counting = select(column, func.count()).group_by(column)
    counts = {status: count for status, count in connection.execute(counting)}  # noqa: C416
    for status in statuses:
        gauge.add_metric((status.value,), counts.get(status.value, 0))
    return gauge


def _gauge(connection: Connection, name: str, about: str, query: Any) -> Metric:
    return GaugeMetricFamily(name, about, value=connection.scalar(query) or 0)


def _age(connection: Connection, name: str, about: str, query: Any, now: datetime) -> Metric:
    since: datetime | None = connection.scalar(query)
    return GaugeMetricFamily(name, about, value=int((now - since).total_seconds()) if since else 0)


def database_collector(connect: Callable[[], Any]) -> DatabaseCollector:
    """Return a collector that reads through connections of `connect`."""

    def read() -> Gauges:
        with connect() as connection:
            return read_gauges(connection)

    return DatabaseCollector(TimeoutRunner(read, "metrics"))
