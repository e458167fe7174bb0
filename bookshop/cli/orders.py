"""`bookshop orders`."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from bookshop.cli.shop import ShopContext, print_json
from bookshop.orders.report import by_number, newest, report


@click.group()
def orders() -> None:
    """Look at orders."""


@orders.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def list_orders(shop: ShopContext, *, limit: int, as_json: bool) -> None:
    """The last orders, the newest first."""
    with shop.session() as session:
        found = newest(session, limit)
    if as_json:
        print_json({"orders": [report(order) for order in found]})
        return
    locale = shop.registry.bookshop.shop.locale
    table = Table("number", "placed", "status", "total", "e-mail", "books")
    for order in found:
        table.add_row(
            order.number,
            f"{order.placed_at:%Y-%m-%d %H:%M}",
            order.status.value,
            order.total.format(locale),
            order.email or "",
            ", ".join(line.title for line in order.lines),
        )
    Console().print(table)


@orders.command("show")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def show_order(shop: ShopContext, *, number: str, as_json: bool) -> None:
    """One order, with its lines."""
    with shop.session() as session:
        order = by_number(session, number.upper())
    if order is None:
        message = f"There is no order {number}."
        raise click.ClickException(message)
    if as_json:
        print_json(report(order))
        return
    locale = shop.registry.bookshop.shop.locale
    click.echo(f"Order {order.number}: {order.status.value}, {order.total.format(locale)}")
    click.echo(f"placed {order.placed_at:%Y-%m-%d %H:%M} UTC by {order.email or 'nobody yet'}")
    click.echo(f"PaymentIntent {order.payment_intent or 'not made yet'}")
    for line in order.lines:
        click.echo(f"  {line.quantity} x {line.title} ({line.sku}) {line.amount.format(locale)}")
