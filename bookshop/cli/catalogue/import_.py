"""`bookshop import`."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bookshop.catalogue.importing.service import (
    BatchImported,
    FeedFormat,
    FeedImported,
    FeedStream,
    ImportEvent,
    ImportRequest,
    ImportService,
)
from bookshop.catalogue.importing.summary import COUNTS
from bookshop.cli.shop import ShopContext, print_json, print_line
from bookshop.services import Services

MAX_PRINTED = 20  # refused records on the terminal
STDIN = "-"


def _codec(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Return the name of a text encoding. Raises click.BadParameter for an unknown one."""
    try:
        if value is not None:
            "".encode(value)
            return codecs.lookup(value).name
    except (LookupError, UnicodeError):
        message = f"{value} is not an encoding; examples are cp1252, cp1250, mac_roman."
        raise click.BadParameter(message) from None
    return None


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Print what would change, without changing it.")
@click.option(
    "--format",
    "feed_format",
    type=click.Choice([each.value for each in FeedFormat]),
    help="Detected from the content by default.",
)
@click.option(
    "--encoding",
    callback=_codec,
    help="Of CSV files, for example cp1252. Detected from the content by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(
    *,
    files: tuple[str, ...],
    dry_run: bool,
    feed_format: str | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Import books from ONIX (3.0, 3.1) or CSV files.

    They may be compressed with gzip or ZIP; - is standard input. It is safe to interrupt and to
    repeat, also while the shop is open. The exit code is 1 if a record was refused, or a file could
    not be read to its end.
    """
    context = click.get_current_context()
    shop: ShopContext = context.obj
    shop.session(writing=not dry_run).close()
    request = ImportRequest(
        feeds=[_feed(name) for name in files],
        format=FeedFormat(feed_format) if feed_format else None,
        encoding=encoding,
        dry_run=dry_run,
    )
    with _progress_bar() as show_progress:

        def on_event(event: ImportEvent) -> None:
            if isinstance(event, BatchImported):
                show_progress(event)
            elif not as_json:
                _print(event, dry_run=dry_run)

        summary = _service(shop.services).run(request, on_event)
    if as_json:
        print_json(asdict(summary))
    context.exit(0 if summary.complete else 1)


def _service(services: Services) -> ImportService:
    return ImportService(
        engine=services.engine,
        sales_context=services.sales_context,
        locale=services.settings.shop.locale,
        covers=services.covers,
        folder=services.settings.shop.var / "imports",
        is_read_only=services.read_only.is_on,
    )


def _feed(name: str) -> Path | FeedStream:
    return FeedStream("stdin", sys.stdin.buffer) if name == STDIN else Path(name)


@contextmanager
def _progress_bar() -> Iterator[Callable[[BatchImported], None]]:
    """Show a progress bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def show(event: BatchImported) -> None:
            size = event.feed.stat().st_size if isinstance(event.feed, Path) else None
            processed = f"{event.summary.processed:,} records"
            progress.update(task, total=size, completed=event.position, description=processed)

        yield show


def _print(event: FeedImported, *, dry_run: bool) -> None:
    """Print the result of one feed."""
    summary = event.summary
    name = str(event.feed) if isinstance(event.feed, Path) else STDIN
    for error in summary.errors[:MAX_PRINTED]:
        record = " ".join(filter(None, (error.record, error.isbn)))
        print_line(f"line {error.line}{f', {record}' if record else ''}: {error.reason}")
    if summary.refused > MAX_PRINTED:
        click.echo(f"… and {summary.refused - MAX_PRINTED} more.")
    if summary.skipped:
        click.echo(f"Resumed after {summary.skipped} records of an interrupted import.")
    counts = ", ".join(f"{getattr(summary, count)} {count}" for count in COUNTS)
    click.echo(f"{name}{' (dry run, nothing was changed)' if dry_run else ''}: {counts}.")
    for report in summary.files:
        if report.encoding is not None:
            is_certain = report.encoding.startswith("utf")
            hint = "" if is_certain else " If letters are wrong, use --encoding."
            click.echo(f"Encoding: {report.encoding}.{hint}")
        if report.unread_columns:
            print_line(f"Columns that are not read: {', '.join(report.unread_columns)}.")
    if event.refused_file is not None:
        click.echo(f"Refused records: {event.refused_file}. Correct them and import that file.")
    if summary.stopped is not None:
        click.echo(f"{name} was not read to its end: {summary.stopped}", err=True)
