"""`bookshop backup` and `bookshop restore`."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.engine import URL

from bookshop import clock
from bookshop.cli.shop import ShopContext
from bookshop.ops.backup import BackupError, back_up
from bookshop.ops.backup import restore as restore_database

POSTGRESQL = """\
This command is for SQLite. For PostgreSQL, run:
  {command}
It asks for the password or reads it from ~/.pgpass. See docs/backup.md."""


@click.command(short_help="Back up an SQLite database.")
@click.argument("destination", required=False, type=click.Path(path_type=Path))
@click.pass_obj
def backup(shop: ShopContext, *, destination: Path | None) -> None:
    """Back up an SQLite database while the shop runs, and verify the copy.

    DESTINATION is a folder or the name of a new file. Default: the folder `backups` in
    bookshop.var. Only the file's owner can read it. Cover images are not included: copy the folder
    `covers` in bookshop.var as well.

    Example: bookshop --config production.ini backup /mnt/backups
    """
    settings = shop.services.settings
    url: URL = settings.database
    if url.get_backend_name() != "sqlite":
        raise click.ClickException(
            POSTGRESQL.format(command=f"pg_dump --format=custom --file=shop.dump '{_address(url)}'")
        )
    try:
        if destination is None:
            destination = settings.shop.var / "backups"
            destination.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = back_up(Path(url.database or ""), destination, clock.now())
    except (BackupError, OSError) as err:
        raise click.ClickException(str(err)) from None
    click.echo(
        f"Backup written and verified: {written.file} ({written.rows['books']} books,"
        f" {written.rows['orders']} orders, revision {written.revision})"
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--force",
    is_flag=True,
    help="Also restore a backup of a newer version of the shop, or with a schema changed by hand.",
)
@click.pass_obj
def restore(shop: ShopContext, *, file: Path, force: bool) -> None:
    """Restore a backup of an SQLite database. Stop the shop first.

    The previous database is kept beside the restored one. Afterwards run `migrate` and then
    `reconcile`, since Stripe may have payments that are newer than the backup.

    Example: bookshop --config production.ini restore var/backups/bookshop-20261123T031700Z.sqlite
    """
    url: URL = shop.services.settings.database
    if url.get_backend_name() != "sqlite":
        command = f"pg_restore --clean --if-exists --dbname='{_address(url)}' shop.dump"
        raise click.ClickException(POSTGRESQL.format(command=command))
    database = Path(url.database or "")
    try:
        kept = restore_database(database, file, clock.now(), force=force)
    except BackupError as err:
        raise click.ClickException(str(err)) from None
    click.echo(f"Restored {database} from {file}.")
    if kept is not None:
        click.echo(f"The previous database is kept as {kept}.")
    click.echo("Next: run bookshop migrate, start the shop, run bookshop reconcile.")


def _address(url: URL) -> str:
    """Return the database's address for PostgreSQL's own programs, without the password."""
    return URL.create(
        "postgresql",
        username=url.username,
        host=url.host,
        port=url.port,
        database=url.database,
        query=url.query,
    ).render_as_string()
