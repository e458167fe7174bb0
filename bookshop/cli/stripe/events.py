"""`bookshop events`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bookshop.cli.shop import ShopContext, print_json
from bookshop.webhooks.handlers import CannotApplyError, apply_again
from bookshop.webhooks.ledger import EventSnapshot, by_id, newest
from bookshop.webhooks.models import EventStatus


@click.group()
def events() -> None:
    """Look at Stripe's events, and apply one again."""


@events.command("list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in EventStatus]),
    help="Only events that ended so.",
)
@click.option("--type", "kind", default="", help="Only types that begin so: charge.dispute")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def list_events(
    shop: ShopContext, *, status: str | None, kind: str, limit: int, as_json: bool
) -> None:
    """The last events received, the newest first."""
    with shop.session() as session:
        found = newest(session, limit, EventStatus(status) if status else None, kind)
    if as_json:
        print_json({"events": [_report(event) for event in found]})
        return
    table = Table("event", "received", "type", "status", "order", "deliveries", "problem")
    for event in found:
        table.add_row(
            event.id,
            _minute(event.received_at),
            event.type,
            event.status.value,
            event.order or "",
            str(event.deliveries),
            event.problem or "",
        )
    Console().print(table)


@events.command("show")
@click.argument("event_id", metavar="EVENT")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def show_event(shop: ShopContext, *, event_id: str, as_json: bool) -> None:
    """One event, by Stripe's id of it (evt_…)."""
    with shop.session() as session:
        event = by_id(session, event_id)
    if event is None:
        raise click.ClickException(f"No event {event_id} has been recorded.")
    if as_json:
        print_json(_report(event))
        return
    _print(event)
    click.echo(f"written {_minute(event.created)} UTC in version {event.api_version or 'none'}")
    click.echo(f"received {_minute(event.received_at)} UTC, deliveries: {event.deliveries}")


@events.command("apply")
@click.argument("event_id", metavar="EVENT")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@click.pass_context
def apply_event(context: click.Context, shop: ShopContext, *, event_id: str, as_json: bool) -> None:
    """Ask Stripe about an event's payment anew, and settle its order. Can be repeated."""
    shop.session(writing=True).close()
    services = shop.services
    try:
        event = apply_again(services.sessions, services.payments, event_id)
    except CannotApplyError as err:
        raise click.ClickException(str(err)) from None
    if as_json:
        print_json(_report(event))
    else:
        _print(event)
    fine = event.status is EventStatus.APPLIED and event.problem is None
    context.exit(0 if fine else 1)


def _print(event: EventSnapshot) -> None:
    about = f"order {event.order}" if event.order else "none of the shop's orders"
    click.echo(f"Event {event.id}, {event.type}: {event.status.value}")
    click.echo(f"about {about}, PaymentIntent {event.payment_intent or 'none'}")
    if event.problem:
        click.echo(f"problem: {event.problem}")


def _report(event: EventSnapshot) -> dict[str, Any]:
    """An event as JSON."""
    values = asdict(event)
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = value.isoformat()
    return values


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
