"""`bookshop sandbox`."""

from __future__ import annotations

import threading

import click

from bookshop.cli.shop import SettingsFault, ShopContext
from bookshop.sandbox.options import Options, OptionsError
from bookshop.sandbox.server import SandboxServer


@click.command()
@click.pass_obj
def sandbox(shop: ShopContext) -> None:
    """Run the Stripe stand-in alone, until Ctrl-C."""
    try:
        server = SandboxServer(Options.from_settings(shop.section))
        server.start()
    except OptionsError as err:
        raise SettingsFault(str(err)) from err
    click.echo(f"The sandbox answers at {server.url} (Ctrl-C ends it)")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("The sandbox has ended.")
    finally:
        server.stop()
