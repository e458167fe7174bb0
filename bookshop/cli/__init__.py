"""The command line: `bookshop --config production.ini COMMAND`.

A command parses its arguments, calls a service and prints the result.
"""

from __future__ import annotations

from pathlib import Path

import click

from bookshop.cli.backup import backup, restore
from bookshop.cli.catalogue.books import books
from bookshop.cli.catalogue.export import export
from bookshop.cli.catalogue.import_ import import_
from bookshop.cli.check import check
from bookshop.cli.customer import customer
from bookshop.cli.mail import mail
from bookshop.cli.migrate import migrate
from bookshop.cli.new import new
from bookshop.cli.orders import orders
from bookshop.cli.orders.reconcile import reconcile
from bookshop.cli.orders.refund import refund
from bookshop.cli.shop import CommandGroup, ShopContext
from bookshop.cli.stripe.events import events
from bookshop.cli.stripe.sandbox import sandbox
from bookshop.cli.stripe.webhooks import webhooks
from bookshop.cli.urls import urls


@click.group(
    cls=CommandGroup,
    epilog="Example: bookshop --config production.ini orders list --status paid",
)
@click.option(
    "--config",
    "ini",
    default="development.ini",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The shop's INI file, the same as for pserve.",
)
@click.version_option(package_name="bookshop")
@click.pass_context
def main(context: click.Context, ini: Path) -> None:
    """Manage a bookshop.

    Reporting commands accept --json. Exit codes: 0 fine, 1 something to fix, 2 wrong usage or
    settings.
    """
    context.obj = ShopContext(ini)


for command in (
    backup,
    books,
    check,
    customer,
    events,
    export,
    import_,
    mail,
    migrate,
    new,
    orders,
    reconcile,
    refund,
    restore,
    sandbox,
    urls,
    webhooks,
):
    main.add_command(command)
