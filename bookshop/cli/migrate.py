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
from bookshop.db import reason_of
from bookshop.services import Services

GRACE_PERIOD = 2  # seconds beyond stripe.timeout


@click.command(short_help="Update the database to this version.")
@click.option(
    "--online",
    is_flag=True,
    help="Let customers buy meanwhile. Refused unless every migration only adds to the schema.",
)
@click.pass_obj
def migrate(shop: ShopContext, *, online: bool) -> None:
    """Update the database to this version and these settings of the shop. Can be repeated.

    Creates the database if it does not exist. Running shops are read-only during the migration:
    customers can browse but not buy.
    """
    services = shop.services
    engine = services.engine
    try:
        pending = migrations.pending(engine)
        if online:
            _refuse_breaking([each.revision for each in pending if not each.module.expand_only])
        with _read_only(services, needed=bool(pending) and not online):
            migrations.upgrade(engine)
            rebuilt = listings.rebuild_listings(engine, services.sales_context, clock.now())
    except migrations.NewerSchemaError as err:
        message = f"Nothing was changed: {err}."
        raise click.ClickException(message) from None
    except (SQLAlchemyError, OSError) as err:
        message = f"The database failed: {reason_of(err)}. Check sqlalchemy.url."
        raise click.ClickException(message) from err
    if pending or rebuilt:
        click.echo("Database updated.")
    else:
        click.echo("The database is already up to date.")


def _refuse_breaking(revisions: list[str]) -> None:
    if revisions:
        message = (
            f"Nothing was changed: the running shop cannot work after {', '.join(revisions)}."
            " Run migrate without --online, then start the new version."
        )
        raise click.ClickException(message)


@contextmanager
def _read_only(services: Services, *, needed: bool) -> Iterator[None]:
    """Make running shops read-only, and end that in any case.

    A database without the table for this mode is new, or too old for any running shop to read it.
    """
    with services.engine.connect() as connection:
        has_mode = migrations.has_state(connection)
    if not has_mode:
        yield
        return
    if not needed:
        services.read_only.end()  # an interrupted migration may have left it on
        yield
        return
    seconds = services.settings.stripe.timeout + GRACE_PERIOD
    services.read_only.begin(clock.now())
    try:
        click.echo(f"Running shops are read-only. Waiting {seconds:g} seconds for open requests.")
        time.sleep(seconds)
        yield
    except BaseException:
        click.echo("The migration failed. Correct the cause and run it again.", err=True)
        raise
    finally:
        services.read_only.end()
        click.echo("Running shops accept orders again.", err=True)
