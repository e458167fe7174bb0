"""`bookshop export`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bookshop.catalogue.importing.csv.export import export as write
from bookshop.cli.shop import ShopContext, answering


@click.command()
@click.argument(
    "file", type=click.Path(dir_okay=False, writable=True, allow_dash=True), default="-"
)
@click.pass_obj
def export(shop: ShopContext, *, file: str) -> None:
    """Write all books as CSV, which `import` reads again; to standard output without FILE."""
    shop.session().close()
    with answering():
        if file == "-":
            sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
            write(shop.services.engine, sys.stdout)
            return
        path = Path(file)
        partly = path.with_name(f".{path.name}.part")
        # The mark at the beginning tells spreadsheets that it is UTF-8.
        with partly.open("w", encoding="utf-8-sig", newline="") as stream:
            count = write(shop.services.engine, stream)
        partly.replace(path)
    click.echo(f"{count} books are in {file}.")
