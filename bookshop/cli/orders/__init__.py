"""Commands about orders and refunds."""

from __future__ import annotations

import click

from bookshop.cli.orders.listing import list_orders, show_order
from bookshop.cli.orders.ship import ship_order


@click.group()
def orders() -> None:
    """List and show orders, and record shipments."""


orders.add_command(list_orders)
orders.add_command(show_order)
orders.add_command(ship_order)
