"""`bookshop backup` and `bookshop restore`."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.engine import URL

from bookshop import clock
from bookshop.cli.shop import ShopContext
from bookshop.ops.backup import Backup, BackupError, back_up
from bookshop.ops.backup import restore as bring_back

SERVER = """\
The database is a PostgreSQL server's, whose own programs make its backups and bring them back:
  {command}
The password is asked for, or read from ~/.pgpass. docs/backup.md has the whole of it."""


@click.command()
@click.argument("destination", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def backup(shop: ShopContext, *, destination: Path | None) -> None:
    """Copy an SQLite database while the shop sells, verified, into a file for its owner alone.

    DESTINATION is a folder, or a file that is not there yet; by itself the folder `backups` of
    bookshop.var. Pictures of books are files, in the folder `covers`: copy them as well.
    """
    settings = shop.services.settings
    url: URL = settings.database
    if url.get_backend_name() != "sqlite":
        raise click.ClickException(
            SERVER.format(command=f"pg_dump --format=custom --file=shop.dump '{_address(url)}'")
        )
    try:
        if destination is None:
            destination = settings.shop.var / "backups"
            destination.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = back_up(Path(url.database or ""), destination, clock.now())
    except (BackupError, OSError) as err:
        raise click.ClickException(str(err)) from None
    click.echo(f"{made.file}: {_in_words(made)}, verified.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Even if a newer version of the shop has made it.")
@click.pass_obj
def restore(shop: ShopContext, *, file: Path, force: bool) -> None:
    """Put a backup of an SQLite database into its place; the former one is kept beside it.

    The shop has to be stopped. Afterwards run `migrate`, and `reconcile`: Stripe knows of payments
    that are younger than the backup.
    """
    url: URL = shop.services.settings.database
    if url.get_backend_name() != "sqlite":
        command = f"pg_restore --clean --if-exists --dbname='{_address(url)}' shop.dump"
        raise click.ClickException(SERVER.format(command=command))
    database = Path(url.database or "")
    try:
        kept = bring_back(database, file, clock.now(), newer=force)
    except BackupError as err:
        raise click.ClickException(str(err)) from None
    click.echo(f"{database} is what {file} was.")
    if kept is not None:
        click.echo(f"What it was before is kept as {kept}.")
    click.echo("Now run: bookshop migrate, start the shop, and run: bookshop reconcile")


def _address(url: URL) -> str:
    """The database as PostgreSQL's programs take it, without the password."""
    return url.set(drivername="postgresql", password=None).render_as_string()


def _in_words(made: Backup) -> str:
    rows = made.rows
    return f"{rows['books']} books, {rows['orders']} orders, revision {made.revision}"
