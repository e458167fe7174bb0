"""`bookshop migrate`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock, migrations
from bookshop.catalogue import listings
from bookshop.cli.shop import ShopContext
from bookshop.services import Services

LEEWAY = 2  # seconds


@click.command()
@click.option(
    "--online",
    is_flag=True,
    help="Customers go on buying meanwhile. Refused where the database is not only added to.",
)
@click.pass_obj
def migrate(shop: ShopContext, *, online: bool) -> None:
    """Bring the database to this version and these settings of the shop. It can be repeated.

    Meanwhile a running shop only shows its books, and asks who would buy to come back.
    """
    services = shop.services
    engine = services.engine
    try:
        pending = migrations.pending(engine)
        if online:
            _refuse_breaking([each.revision for each in pending if not each.module.expand_only])
        with _read_only(services, needed=bool(pending) and not online):
            migrations.upgrade(engine)
            refreshed = listings.rebuild_listings(engine, services.sales_context, clock.now())
    except migrations.NewerSchemaError as err:
        message = f"Nothing was changed: {err}."
        raise click.ClickException(message) from None
    except (SQLAlchemyError, OSError) as err:
        message = f"The database does not answer ({type(err).__name__}): see sqlalchemy.url."
        raise click.ClickException(message) from err
    if pending or refreshed:
        click.echo("The database has been brought to this version.")
    else:
        click.echo("The database is of this version already.")


def _refuse_breaking(breaking: list[str]) -> None:
    if breaking:
        message = (
            f"Nothing was changed: the shop that runs cannot work after {', '.join(breaking)}."
            " Run migrate without --online, and start the new version then."
        )
        raise click.ClickException(message)


@contextmanager
def _read_only(services: Services, *, needed: bool) -> Iterator[None]:
    """Have running shops write nothing, and end that whatever happens.

    A database that cannot say so yet is new, or so old that no shop runs that would listen.
    """
    with services.engine.connect() as connection:
        told = migrations.has_state(connection)
    if not told:
        yield
        return
    if not needed:
        services.read_only.end()  # a migration that was killed may have left it on
        yield
        return
    wait = services.settings.stripe.timeout + LEEWAY
    services.read_only.begin(clock.now())
    try:
        click.echo(f"Running shops are read only now; what is under way has {wait:g} seconds.")
        time.sleep(wait)
        yield
    except BaseException:
        click.echo("The migration has failed: mend it, and run it again.", err=True)
        raise
    finally:
        services.read_only.end()
        click.echo("Running shops are open again.", err=True)
