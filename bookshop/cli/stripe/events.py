"""`bookshop events`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from bookshop.cli.shop import ShopContext, json_option, print_json, print_line
from bookshop.cli.tables import print_rows
from bookshop.webhooks.handlers import ReplayError, replay_event
from bookshop.webhooks.ledger import EventSnapshot, find_event, list_events
from bookshop.webhooks.models import EventStatus


@click.group()
def events() -> None:
    """List the events received from Stripe, and apply one again."""


@events.command("list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in EventStatus]),
    help="Only events with this status.",
)
@click.option(
    "--type",
    "type_prefix",
    default="",
    help="Only event types that start with this, for example charge.dispute",
)
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Maximum number of events.",
)
@json_option
@click.pass_obj
def list_command(
    shop: ShopContext, *, status: str | None, type_prefix: str, limit: int, as_json: bool
) -> None:
    """List the last events received, newest first."""
    with shop.session() as session:
        listed = list_events(session, limit, EventStatus(status) if status else None, type_prefix)
    if as_json:
        print_json({"events": [_as_json(event) for event in listed]})
        return
    headers = ("event", "received", "type", "status", "order", "deliveries", "problem")
    print_rows(
        headers,
        (
            (
                event.id,
                shop.local_minute(event.received_at),
                event.type,
                event.status.value,
                event.order or "",
                str(event.deliveries),
                event.problem or "",
            )
            for event in listed
        ),
    )


@events.command("show")
@click.argument("event_id", metavar="EVENT")
@json_option
@click.pass_obj
def show_command(shop: ShopContext, *, event_id: str, as_json: bool) -> None:
    """Show one event by its Stripe id (evt_…)."""
    with shop.session() as session:
        event = find_event(session, event_id)
    if event is None:
        message = f"Event {event_id} has not been recorded."
        raise click.ClickException(message)
    if as_json:
        print_json(_as_json(event))
        return
    _print(event)
    click.echo(f"Created: {shop.local_minute(event.created)}")
    print_line(f"API version: {event.api_version or 'none'}")
    click.echo(f"Received: {shop.local_minute(event.received_at)}")
    click.echo(f"Deliveries: {event.deliveries}")


@events.command("apply")
@click.argument("event_id", metavar="EVENT")
@json_option
@click.pass_obj
@click.pass_context
def apply_command(
    context: click.Context, shop: ShopContext, *, event_id: str, as_json: bool
) -> None:
    """Retrieve an event's payment from Stripe again and update its order. Repeatable.

    Exit code 1 if the event was not applied, or if the payment needs attention.
    """
    shop.session(writing=True).close()
    try:
        event = replay_event(shop.services.sessions, shop.services.payments, event_id)
    except ReplayError as err:
        raise click.ClickException(str(err)) from None
    if as_json:
        print_json(_as_json(event))
    else:
        _print(event)
    applied = event.status is EventStatus.APPLIED and event.problem is None
    context.exit(0 if applied else 1)


def _print(event: EventSnapshot) -> None:
    print_line(f"Event {event.id}, {event.type}: {event.status.value}")
    click.echo(f"Order: {event.order or 'none'}")
    click.echo(f"PaymentIntent: {event.payment_intent or 'none'}")
    if event.problem:
        print_line(f"Problem: {event.problem}")


def _as_json(event: EventSnapshot) -> dict[str, Any]:
    values = asdict(event)
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = value.isoformat()
    return values
