"""`bookshop orders`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bookshop import clock
from bookshop.cli.shop import ShopContext, answering, print_json, who
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.fulfilment.shipments import CannotShipError, ShipmentRequest, ship
from bookshop.orders.number import read_number
from bookshop.orders.queries import NoSuchOrderError, locked
from bookshop.orders.reports import flags, full_report, newest, report
from bookshop.orders.states import MEANINGS, Actor, OrderStatus


class Copies(click.ParamType[tuple[str, int | None]]):
    """Copies of one book: its SKU, and how many if not all."""

    name = "SKU[:QUANTITY]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        """Read `9786941041210` or `9786941041210:2`."""
        sku, colon, quantity = value.partition(":")
        if not colon:
            return sku, None
        if not (quantity.isascii() and quantity.isdigit() and int(quantity)):
            self.fail(f"{value!r}: after the colon stands how many copies, 1 or more.")
        return sku, int(quantity)


@click.group()
def orders() -> None:
    """Look at orders, and write down that books are sent."""


@orders.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option(
    "--status",
    type=click.Choice([status.value for status in OrderStatus]),
    help="Only orders that stand so.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def list_orders(shop: ShopContext, *, limit: int, status: str | None, as_json: bool) -> None:
    """The last orders, the newest first."""
    with shop.session() as session:
        found = newest(session, limit, OrderStatus(status) if status else None)
    if as_json:
        print_json({"orders": [report(order) for order in found]})
        return
    locale = shop.services.settings.shop.locale
    table = Table("number", "placed", "status", "flags", "total", "e-mail", "books")
    for order in found:
        table.add_row(
            order.number,
            f"{order.placed_at:%Y-%m-%d %H:%M}",
            order.status.value,
            ", ".join(flags(order)),
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
    """One order: its lines, refunds and disputes, and all that ever happened to it."""
    with shop.session() as session:
        order = full_report(session, read_number(number) or number)
    if order is None:
        message = f"There is no order {number}."
        raise click.ClickException(message)
    if as_json:
        print_json(order)
        return
    for line in _in_words(order, shop.services.settings.shop.locale):
        click.echo(line)


@orders.command("ship")
@click.argument("number")
@click.option(
    "--sku",
    "copies",
    type=Copies(),
    multiple=True,
    help="Only this book, all copies that are left or so many of them. May be repeated.",
)
@click.option("--tracking", help="What the customer follows the parcel by: a number, an address.")
@click.option(
    "--despite-warning",
    is_flag=True,
    help="Send it although a bank warns of fraud, or Stripe advises to look first.",
)
@click.pass_obj
def ship_order(
    shop: ShopContext,
    *,
    number: str,
    copies: tuple[tuple[str, int | None], ...],
    tracking: str | None,
    despite_warning: bool,
) -> None:
    """Write down that books are sent, everything that is left unless named, and mail the customer.

    An e-book counts as sent when it is handed over.
    """
    if len(dict(copies)) < len(copies):
        raise click.BadParameter("A book is named twice.", param_hint="--sku")
    parcel = ShipmentRequest(dict(copies), tracking, despite_warning)
    cause = Cause(Actor.STAFF, f"orders ship by {who()}")
    try:
        with answering(), shop.session(writing=True) as session, session.begin():
            order = locked(session, number)
            sent = ship(TransitionContext(session, cause, clock.now()), order, parcel)
            found, status = order.number, order.status
    except (NoSuchOrderError, CannotShipError) as err:
        raise click.ClickException(str(err)) from None
    for each in sent:
        click.echo(f"{each.quantity} x {each.title} ({each.sku})")
    click.echo(f"The order {found} is {status}.")


def _in_words(order: dict[str, Any], locale: str) -> Iterator[str]:
    def money(amount: int) -> str:
        return Money(amount, order["currency"]).format(locale)

    status = OrderStatus(order["status"])
    yield f"Order {order['number']}: {status.value}, {money(order['total'])}"
    yield f"  {MEANINGS[status]}"
    if order["flags"]:
        yield f"mind: {', '.join(order['flags'])}"
    yield f"placed {_minute(order['placed_at'])} UTC by {order['email'] or 'nobody yet'}"
    if order["paid_at"]:
        yield f"paid {_minute(order['paid_at'])} UTC, refunded {money(order['refunded'])}"
    yield f"PaymentIntent {order['payment_intent'] or 'not made yet'}"
    for line in order["lines"]:
        sent = f", {line['shipped']} sent" if line["shipped"] else ""
        amount = money(line["amount"])
        yield f"  {line['quantity']} x {line['title']} ({line['sku']}) {amount}{sent}"
    for refund in order["refunds"]:
        problem = f": {refund['problem']}" if refund["problem"] else ""
        name = refund["id"] or refund["key"]
        yield f"refund {name}: {money(refund['amount'])} {refund['status']}{problem}"
    for dispute in order["disputes"]:
        yield (
            f"dispute {dispute['id']}: {money(dispute['amount'])} {dispute['status']}"
            f" ({dispute['reason']})"
        )
    for entry in order["history"]:
        detail = "".join(f", {name} {value}" for name, value in entry["detail"].items())
        happened = entry["what"] if entry["to"] is None else f"-> {entry['to']}"
        yield f"{_minute(entry['at'])} {happened} by {entry['actor']} ({entry['cause']}){detail}"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
