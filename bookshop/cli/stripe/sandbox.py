"""`bookshop sandbox`."""

from __future__ import annotations

import threading

import click

from bookshop.cli.shop import InvalidSettingsError, ShopContext
from bookshop.sandbox.options import Options, OptionsError
from bookshop.sandbox.server import SandboxServer


@click.command()
@click.pass_obj
def sandbox(shop: ShopContext) -> None:
    """Run the Stripe sandbox without the shop, until Ctrl-C."""
    try:
        server = SandboxServer(Options.from_settings(shop.section))
        server.start()
    except OptionsError as err:
        raise InvalidSettingsError(str(err)) from err
    click.echo(f"The sandbox runs at {server.url}. Press Ctrl-C to stop it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("The sandbox has stopped.")
    finally:
        server.stop()
