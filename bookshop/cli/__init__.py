"""The command line: `bookshop --config production.ini COMMAND`. Thin: it parses, calls, prints."""

from __future__ import annotations

from pathlib import Path

import click

from bookshop.cli.check import check
from bookshop.cli.events import events
from bookshop.cli.export import export
from bookshop.cli.import_ import import_
from bookshop.cli.mail import mail
from bookshop.cli.migrate import migrate
from bookshop.cli.orders import orders
from bookshop.cli.reconcile import reconcile
from bookshop.cli.refund import refund
from bookshop.cli.sandbox import sandbox
from bookshop.cli.shop import ShopContext


@click.group()
@click.option(
    "--config",
    "ini",
    default="development.ini",
    show_default=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The INI of the shop, as pserve takes it.",
)
@click.version_option(package_name="bookshop")
@click.pass_context
def main(context: click.Context, ini: Path) -> None:
    """Run a bookshop. Exit codes: 0 fine, 1 something to mend, 2 wrong usage or settings."""
    context.obj = ShopContext(ini)


for command in (check, events, export, import_, mail, migrate, orders, reconcile, refund, sandbox):
    main.add_command(command)
