"""`bookshop migrate`."""

from __future__ import annotations

import click
from sqlalchemy.exc import SQLAlchemyError

from bookshop import migrations
from bookshop.cli.shop import ShopContext


@click.command()
@click.pass_obj
def migrate(shop: ShopContext) -> None:
    """Bring the database to this version of the shop. It can be repeated."""
    engine = shop.registry.engine
    try:
        if migrations.is_current(engine):
            click.echo("The database is of this version already.")
            return
        migrations.upgrade(engine)
    except (SQLAlchemyError, OSError) as err:
        message = f"The database does not answer ({type(err).__name__}): see sqlalchemy.url."
        raise click.ClickException(message) from err
    click.echo("The database has been brought to this version.")
