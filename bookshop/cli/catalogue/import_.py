"""`bookshop import`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bookshop.catalogue.covers.local_files import beside
from bookshop.catalogue.edition import digest
from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv import reader
from bookshop.catalogue.importing.files import decompressed, peek
from bookshop.catalogue.importing.importer import Importer, SourceFile
from bookshop.catalogue.importing.records import FeedRecord
from bookshop.catalogue.importing.rejects import Rejects
from bookshop.catalogue.importing.summary import COUNTS, ImportSummary
from bookshop.catalogue.jobs import after_import
from bookshop.cli.shop import ShopContext, answering, print_json
from bookshop.services import Services

SHOWN = 20  # refused records on the terminal
LOOKED_AT = 4096  # bytes, by which a format is told
STDIN = "-"


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option(
    "--format", "kind", type=click.Choice(["onix", "csv"]), help="By itself told by the content."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_context
def import_(
    context: click.Context,
    *,
    files: tuple[str, ...],
    dry_run: bool,
    kind: str | None,
    as_json: bool,
) -> None:
    """Bring the shelf up to date with ONIX (3.0, 3.1) or CSV files, also compressed; - is stdin.

    It can be repeated and interrupted, and the shop may serve meanwhile. Exit code 1 where a record
    was refused, or a file could not be read to its end.
    """
    shop: ShopContext = context.obj
    shop.session(writing=not dry_run).close()
    whole = ImportSummary()
    with answering():
        for name in files:
            report, rejects = _import(shop.services, name, kind, dry_run=dry_run)
            if not as_json:
                _print(name, report, rejects, dry_run=dry_run)
            whole.add(report)
        if not dry_run:
            after_import(shop.services.engine, shop.services.sales_context)
    if as_json:
        print_json(asdict(whole))
    context.exit(1 if whole.refused or whole.stopped else 0)


def _import(
    services: Services, name: str, kind: str | None, *, dry_run: bool
) -> tuple[ImportSummary, Path | None]:
    """Import one file; what came of it, and where the refused records are."""
    path, file = (None, None) if name == STDIN else (Path(name), _file(Path(name)))
    rejects = Rejects(_beside(path, services))
    covers = None if path is None or dry_run else beside(path.parent, services.covers)
    importer = Importer(services.engine, services.sales_context, covers, rejects.add, dry_run=dry_run)
    if importer.done_before(file):
        rejects.go_on()
    with _stream(path) as (stream, watch):
        notices = _notices(stream, kind, services.sales_context.currency)
        try:
            report = importer.run(notices, file, watch)
        finally:
            rejects.close()
    return report, rejects.path


def _notices(stream: BinaryIO, kind: str | None, currency: str) -> Iterator[FeedRecord]:
    head, whole = peek(decompressed(stream), LOOKED_AT)
    if kind is None:
        start = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")
        kind = "onix" if start.startswith(b"<") else "csv"
    return onix.read(whole) if kind == "onix" else reader.read(whole, currency)


@contextmanager
def _stream(path: Path | None) -> Iterator[tuple[BinaryIO, Callable[[ImportSummary], None]]]:
    """The bytes of a file, with a bar on the terminal, if there is one."""
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        size = path.stat().st_size if path else None
        task = progress.add_task("", total=size)
        stream = path.open("rb") if path else sys.stdin.buffer

        def watch(report: ImportSummary) -> None:
            done = stream.tell() if path else None
            progress.update(task, completed=done, description=f"{report.seen:,} records")

        try:
            yield stream, watch
        finally:
            if path:
                stream.close()


def _file(path: Path) -> File:
    """By what an interrupted import of this file is known again."""
    about = path.stat()
    key = f"{path.resolve()}\n{about.st_size}\n{about.st_mtime_ns}"
    return SourceFile(digest(key), path.name)


def _beside(path: Path | None, services: Services) -> Path:
    """Where refused records are kept, without an ending: beside the file where that can be."""
    if path is not None and os.access(path.parent, os.W_OK):
        return path
    folder: Path = services.settings.shop.var / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    name = path.name if path else "stdin"
    return folder / name


def _print(name: str, report: ImportSummary, rejects: Path | None, *, dry_run: bool) -> None:
    for error in report.errors[:SHOWN]:
        about = " ".join(filter(None, (error.record, error.isbn)))
        click.echo(f"line {error.line}{f', {about}' if about else ''}: {error.reason}")
    if report.refused > SHOWN:
        click.echo(f"… and {report.refused - SHOWN} more.")
    if report.skipped:
        click.echo(f"Went on after {report.skipped} records, which an earlier run has seen to.")
    told = ", ".join(f"{getattr(report, count)} {count}" for count in COUNTS)
    click.echo(f"{name}{' (dry run, nothing was changed)' if dry_run else ''}: {told}.")
    if rejects is not None:
        click.echo(f"The refused records are in {rejects}: mend them there, and import that file.")
    if report.stopped is not None:
        click.echo(f"{name} was not read to its end: {report.stopped}", err=True)
