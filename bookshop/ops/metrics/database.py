"""What the database knows of the shop's business: the same from whichever process it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock
from bookshop.mail.models import MailRecord, MailStatus
from bookshop.ops.timeouts import TimeoutRunner, TooSlowError
from bookshop.orders.models import Order
from bookshop.orders.states import OrderStatus
from bookshop.webhooks.models import EventRecord, EventStatus

Gauges = list[Metric]


class DatabaseCollector(Collector):
    """Asks the database at each scrape; where it does not answer, nothing of it is said."""

    def __init__(self, patient: TimeoutRunner[Gauges]) -> None:
        self._patient = patient

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked before somebody scrapes."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The gauges, and whether the database answered."""
        up = GaugeMetricFamily("bookshop_database_up", "Whether the database answered in time")
        try:
            found = self._patient.ask()
        except (TooSlowError, SQLAlchemyError):
            found = None
        up.add_metric((), int(found is not None))
        yield up
        yield from found or ()


def gauges(connection: Connection) -> Gauges:
    """All that is measured in the database."""
    now = clock.now()
    return [*_orders(connection, now), *_events(connection, now), *_mails(connection, now)]


def _orders(connection: Connection, now: datetime) -> Iterator[Metric]:
    by_state = GaugeMetricFamily("bookshop_orders", "Orders, by state", labels=("state",))
    counted = _counted(connection, Order.status)
    for state in OrderStatus:
        by_state.add_metric((state.value,), counted.get(state.value, 0))
    yield by_state
    holding = select(func.count()).where(Order.holding)
    yield _gauge(connection, "bookshop_holds", "Orders for which copies are kept", holding)
    lapsed = holding.where(Order.held_until < now)
    about = "Orders whose copies are kept too long: nobody sweeps"
    yield _gauge(connection, "bookshop_holds_lapsed", about, lapsed)
    for name, about, wanted in (
        (
            "contradicted",
            "Orders that Stripe contradicts: a person has to look",
            Order.contradicted,
        ),
        ("short", "Orders that were paid when their copies were gone", Order.short),
    ):
        counting = select(func.count()).select_from(Order).where(wanted)
        yield _gauge(connection, f"bookshop_orders_{name}", about, counting)
    money = select(Order.currency, func.sum(Order.total), func.sum(Order.refunded))
    paid = GaugeMetricFamily(
        "bookshop_paid_minor_units", "Money that was paid, in minor units", labels=("currency",)
    )
    refunded = GaugeMetricFamily(
        "bookshop_refunded_minor_units",
        "Money that went back, in minor units",
        labels=("currency",),
    )
    for currency, total, back in connection.execute(
        money.where(Order.paid_at.is_not(None)).group_by(Order.currency)
    ):
        paid.add_metric((currency,), int(total))
        refunded.add_metric((currency,), int(back))
    yield paid
    yield refunded


def _events(connection: Connection, now: datetime) -> Iterator[Metric]:
    by_status = GaugeMetricFamily(
        "bookshop_webhook_events", "Stripe's events, by what became of them", labels=("status",)
    )
    counted = _counted(connection, EventRecord.status)
    for status in EventStatus:
        by_status.add_metric((status.value,), counted.get(status.value, 0))
    yield by_status
    failed = select(func.min(EventRecord.received_at)).where(
        EventRecord.status == EventStatus.FAILED
    )
    yield _age(
        connection,
        "bookshop_webhook_lag_seconds",
        "Age of the oldest event not applied",
        failed,
        now,
    )
    newest = select(func.max(EventRecord.received_at))
    yield _age(
        connection,
        "bookshop_webhook_silence_seconds",
        "Time since the last event came",
        newest,
        now,
    )


def _mails(connection: Connection, now: datetime) -> Iterator[Metric]:
    by_status = GaugeMetricFamily(
        "bookshop_mails", "The shop's mails, by what became of them", labels=("status",)
    )
    counted = _counted(connection, MailRecord.status)
    for status in MailStatus:
        by_status.add_metric((status.value,), counted.get(status.value, 0))
    yield by_status
    waiting = select(func.min(MailRecord.written_at)).where(MailRecord.status == MailStatus.WAITING)
    yield _age(
        connection, "bookshop_outbox_age_seconds", "Age of the oldest mail that waits", waiting, now
    )


def _counted(connection: Connection, column: Any) -> dict[str, int]:
    found = connection.execute(select(column, func.count()).group_by(column))
    return {name: count for name, count in found}  # noqa: C416 - rows are no pairs to mypy


def _gauge(connection: Connection, name: str, about: str, wanted: Any) -> Metric:
    return GaugeMetricFamily(name, about, value=connection.scalar(wanted) or 0)


def _age(connection: Connection, name: str, about: str, wanted: Any, now: datetime) -> Metric:
    since: datetime | None = connection.scalar(wanted)
    return GaugeMetricFamily(name, about, value=int((now - since).total_seconds()) if since else 0)


def collector(connect: Callable[[], Any]) -> DatabaseCollector:
    """A collector that asks through connections of `connect`."""

    def ask() -> Gauges:
        with connect() as connection:
            return gauges(connection)

    return DatabaseCollector(TimeoutRunner(ask, "metrics"))
