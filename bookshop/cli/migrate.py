"""`bookshop migrate`."""

from __future__ import annotations

import click
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock, migrations
from bookshop.catalogue import shelving
from bookshop.cli.shop import ShopContext


@click.command()
@click.pass_obj
def migrate(shop: ShopContext) -> None:
    """Bring the database to this version and these settings of the shop. It can be repeated."""
    registry = shop.registry
    engine = registry.engine
    try:
        current = migrations.is_current(engine)
        migrations.upgrade(engine)
        refreshed = shelving.refresh(engine, registry.terms, clock.now())
    except (SQLAlchemyError, OSError) as err:
        message = f"The database does not answer ({type(err).__name__}): see sqlalchemy.url."
        raise click.ClickException(message) from err
    if current and not refreshed:
        click.echo("The database is of this version already.")
    else:
        click.echo("The database has been brought to this version.")
