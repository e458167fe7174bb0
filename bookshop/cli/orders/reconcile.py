"""`bookshop reconcile`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy.orm import sessionmaker

from bookshop import clock
from bookshop.cli.shop import ShopContext, print_json, print_line
from bookshop.reconciliation import service
from bookshop.reconciliation.findings import Report, Resolution
from bookshop.reconciliation.run import Databases


class Since(click.ParamType[datetime]):
    """A time: the start of a day, without a time zone, or a number of days ago."""

    name = "DATE|DAYSd"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse `2026-11-01` or `30d`."""
        if isinstance(value, datetime):
            return value
        try:
            if days := re.fullmatch(r"([0-9]{1,5})d", value):
                return clock.now() - timedelta(days=int(days[1]))
            return datetime.strptime(value, "%Y-%m-%d")  # noqa: DTZ007 - the shop's zone is added
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a date (2026-11-01) nor a number of days (30d).")


@click.command()
@click.option(
    "--since",
    type=Since(),
    default="30d",
    show_default=True,
    help="Start of the period: a date or a number of days ago.",
)
@click.option("--dry-run", is_flag=True, help="List the differences without changing anything.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
@click.pass_context
def reconcile(
    context: click.Context, shop: ShopContext, *, since: datetime, dry_run: bool, as_json: bool
) -> None:
    """Compare Stripe with the orders, and repair what is safe.

    Lists what a person has to decide. Can be repeated. Exit code 1 if a difference needs
    attention, or if Stripe did not respond to the end.
    """
    shop.session(writing=not dry_run).close()
    if since.tzinfo is None:
        since = since.replace(tzinfo=shop.services.settings.shop.timezone)
    since = since.astimezone(UTC)
    databases = Databases(sessionmaker(shop.services.engine), shop.services.sessions)
    with _progress() as on_progress:
        report = service.reconcile(
            databases, shop.services.payments, since, on_progress, dry_run=dry_run
        )
    if as_json:
        print_json(_as_json(report, since))
    else:
        _print(report, shop.local_minute(since), dry_run=dry_run)
    if report.unfinished is not None:
        click.echo(
            f"Stripe did not respond to the end: {report.unfinished}. Completed repairs are kept;"
            " run the command again for the rest.",
            err=True,
        )
    context.exit(1 if report.unresolved or report.unfinished is not None else 0)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Show progress bars on a terminal, without totals: Stripe does not say how many follow."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def advance(kind: str) -> None:
            if kind not in tasks:
                tasks[kind] = progress.add_task(kind, total=None)
            progress.advance(tasks[kind])

        yield advance


def _as_json(report: Report, since: datetime) -> dict[str, Any]:
    return {
        "since": since.isoformat(),
        "checked": dict(report.checked),
        "expired": report.expired,
        "differences": [
            {
                "order": finding.order,
                "intent": finding.intent,
                "code": finding.code.value,
                "text": finding.text,
                "repaired": finding.resolution is Resolution.REPAIRED,
            }
            for finding in report.findings
        ],
        "unresolved": report.unresolved,
        "unfinished": report.unfinished,
    }


def _print(report: Report, since: str, *, dry_run: bool) -> None:
    for finding in report.findings:
        print_line(f"{finding.order}: {finding.text} [{finding.resolution.value}]")
    if report.expired:
        verb = "Would expire" if dry_run else "Expired"
        click.echo(f"{verb} because they were not paid in time: {report.expired} orders.")
    checked = ", ".join(f"{count} {kind}" for kind, count in report.checked.items())
    click.echo(f"Compared since {since}: {checked or 'nothing'}.")
    if report.findings:
        count, unresolved = len(report.findings), report.unresolved
        repaired = count - unresolved
        click.echo(f"Differences: {count}, repaired: {repaired}, unresolved: {unresolved}.")
    elif report.unfinished is None:
        click.echo("Stripe and the orders agree.")
