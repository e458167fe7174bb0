"""`bookshop export`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bookshop.catalogue.importing.csv.export import export_catalogue
from bookshop.cli.shop import ShopContext


@click.command()
@click.argument(
    "file", type=click.Path(dir_okay=False, writable=True, allow_dash=True), default="-"
)
@click.pass_obj
def export(shop: ShopContext, *, file: str) -> None:
    """Export all books as CSV, which `import` accepts. The default for FILE is standard output."""
    shop.session().close()
    engine, currency = shop.services.engine, shop.services.settings.shop.currency
    if file == "-":
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
        export_catalogue(engine, sys.stdout, currency)
        return
    path = Path(file)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)  # of an export that was killed, or a link
    # Spreadsheet programs recognise UTF-8 by its byte order mark.
    with part.open("x", encoding="utf-8-sig", newline="") as stream:
        count = export_catalogue(engine, stream, currency)
    part.replace(path)
    click.echo(f"Exported {count} books to {file}.")
