"""`bookshop orders list` and `bookshop orders show`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from bookshop.cli.shop import ShopContext, json_option, print_json, print_line
from bookshop.cli.tables import print_table
from bookshop.money import Money
from bookshop.orders.number import read_number
from bookshop.orders.queries import newest_orders
from bookshop.orders.serializers import order_details, order_flags, order_to_json
from bookshop.orders.states import MEANINGS, OrderStatus


@click.command("list")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="At most this many.",
)
@click.option(
    "--status",
    type=click.Choice([status.value for status in OrderStatus]),
    help="Only orders with this status.",
)
@json_option
@click.pass_obj
def list_orders(shop: ShopContext, *, limit: int, status: str | None, as_json: bool) -> None:
    """List orders, newest first."""
    with shop.session() as session:
        orders = newest_orders(session, limit, OrderStatus(status) if status else None)
    if as_json:
        print_json({"orders": [order_to_json(order) for order in orders]})
        return
    locale = shop.services.settings.shop.locale
    headers = ("number", "placed", "status", "flags", "total", "e-mail", "books")
    rows = (
        (
            order.number,
            shop.local_minute(order.placed_at),
            order.status.value,
            ", ".join(order_flags(order)),
            order.total.format(locale),
            order.email or "",
            ", ".join(line.title for line in order.lines),
        )
        for order in orders
    )
    print_table(headers, rows, complete={"number"})


@click.command("show")
@click.argument("number")
@json_option
@click.pass_obj
def show_order(shop: ShopContext, *, number: str, as_json: bool) -> None:
    """Show an order with its lines, refunds, disputes and history."""
    with shop.session() as session:
        order = order_details(session, read_number(number) or number)
    if order is None:
        message = f"There is no order {number}."
        raise click.ClickException(message)
    if as_json:
        print_json(order)
        return
    for line in (*_describe_order(shop, order), *_describe_history(shop, order)):
        print_line(line)


def _describe_order(shop: ShopContext, order: dict[str, Any]) -> Iterator[str]:
    locale = shop.services.settings.shop.locale
    status = OrderStatus(order["status"])
    yield f"Order {order['number']}: {status.value}, {_money(order, order['total'], locale)}"
    yield f"  {MEANINGS[status]}"
    if order["flags"]:
        yield f"Flags: {', '.join(order['flags'])}"
    placed = shop.local_minute(order["placed_at"])
    yield f"Placed {placed} by {order['email'] or '(no e-mail yet)'}"
    if order["paid_at"]:
        refunded = _money(order, order["refunded"], locale)
        yield f"Paid {shop.local_minute(order['paid_at'])}, refunded {refunded}"
    yield f"PaymentIntent: {order['payment_intent'] or 'none yet'}"
    for line in order["lines"]:
        shipped = f", {line['shipped']} shipped" if line["shipped"] else ""
        amount = _money(order, line["amount"], locale)
        yield f"  {line['quantity']} x {line['title']} ({line['sku']}) {amount}{shipped}"


def _describe_history(shop: ShopContext, order: dict[str, Any]) -> Iterator[str]:
    locale = shop.services.settings.shop.locale
    for refund in order["refunds"]:
        problem = f": {refund['problem']}" if refund["problem"] else ""
        refund_id, amount = refund["id"] or refund["key"], _money(order, refund["amount"], locale)
        yield f"Refund {refund_id}: {amount} {refund['status']}{problem}"
    for dispute in order["disputes"]:
        amount = _money(order, dispute["amount"], locale)
        yield f"Dispute {dispute['id']}: {amount} {dispute['status']} ({dispute['reason']})"
    for entry in order["history"]:
        detail = "".join(f", {name} {value}" for name, value in entry["detail"].items())
        event = entry["event"] if entry["to"] is None else f"-> {entry['to']}"
        at = shop.local_minute(entry["at"])
        yield f"{at} {event} by {entry['actor']} ({entry['cause']}){detail}"


def _money(order: dict[str, Any], amount: int, locale: str) -> str:
    return Money(amount, order["currency"]).format(locale)
