"""`bookshop orders ship`."""

from __future__ import annotations

from typing import Any

import click

from bookshop import clock
from bookshop.cli.shop import (
    ShopContext,
    current_user,
    print_line,
)
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.fulfilment.shipments import CannotShipError, ShipmentRequest, ship
from bookshop.orders.queries import NoSuchOrderError, lock_order
from bookshop.orders.states import Actor


class SkuQuantity(click.ParamType[tuple[str, int | None]]):
    """The SKU of a book and a number of copies; None means all."""

    name = "SKU[:QUANTITY]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | None]:
        """Parse `9786941041210` or `9786941041210:2`."""
        sku, colon, quantity = value.partition(":")
        if not colon:
            return sku, None
        if not (quantity.isascii() and quantity.isdigit() and int(quantity)):
            self.fail(f"{value!r}: the quantity after the colon must be 1 or more.")
        return sku, int(quantity)


@click.command("ship")
@click.argument("number")
@click.option(
    "--sku",
    "copies",
    type=SkuQuantity(),
    multiple=True,
    help="Only this book, all remaining copies or this many. May be repeated.",
)
@click.option("--tracking", help="Tracking number or address, sent to the customer.")
@click.option(
    "--despite-warning",
    is_flag=True,
    help="Ship although there is a fraud warning or Stripe reviews the payment.",
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
    """Record that an order was shipped, and e-mail the customer.

    Ships everything that is left unless --sku names books. An e-book counts as shipped when the
    customer has received it.

    Example: bookshop orders ship K7QM-2X9T-4BCQ --tracking RM123456789GB
    """
    if len(dict(copies)) < len(copies):
        raise click.BadParameter("The same book is named twice.", param_hint="--sku")
    request = ShipmentRequest(dict(copies), tracking, despite_warning)
    cause = Cause(Actor.STAFF, f"orders ship by {current_user()}")
    try:
        with (
            shop.session(writing=True) as session,
            session.begin(),
        ):
            order = lock_order(session, number)
            shipped = ship(TransitionContext(session, cause, clock.now()), order, request)
            order_number, status = order.number, order.status
    except (NoSuchOrderError, CannotShipError) as err:
        raise click.ClickException(str(err)) from None
    for line in shipped:
        print_line(f"{line.quantity} x {line.title} ({line.sku})")
    click.echo(f"Order {order_number}: {status}")
