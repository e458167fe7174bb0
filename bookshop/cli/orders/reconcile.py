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
from bookshop.cli.shop import ShopContext, answering, print_json
from bookshop.reconciliation.differences import End
from bookshop.reconciliation.service import Databases, Report
from bookshop.reconciliation.service import reconcile as compare


class Since(click.ParamType[datetime]):
    """A moment: a day in UTC, or how many days ago."""

    name = "DATE|DAYSd"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read `2026-11-01` or `30d`."""
        if isinstance(value, datetime):
            return value
        try:
            if days := re.fullmatch(r"([0-9]{1,5})d", value):
                return clock.now() - timedelta(days=int(days[1]))
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a day (2026-11-01) nor a number of days (30d).")


@click.command()
@click.option(
    "--since",
    type=Since(),
    default="30d",
    show_default=True,
    help="From when on: a day in UTC, or that many days ago.",
)
@click.option("--dry-run", is_flag=True, help="Say what differs, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@click.pass_context
def reconcile(
    context: click.Context, shop: ShopContext, *, since: datetime, dry_run: bool, as_json: bool
) -> None:
    """Compare Stripe with the orders, repair what is safe, name the rest. Can be repeated.

    Exit code 1 where something is left, or Stripe could not be asked to the end.
    """
    shop.session(writing=not dry_run).close()
    services = shop.services
    databases = Databases(sessionmaker(services.engine), services.sessions)
    with answering(), _progress() as watch:
        report = compare(databases, services.payments, since, watch, dry_run=dry_run)
    if as_json:
        print_json(_as_json(report, since))
    else:
        _print(report, since, dry_run=dry_run)
    if report.unfinished is not None:
        click.echo(
            f"Stripe could not be asked to the end: {report.unfinished}. What is said above is"
            " done; run it again for the rest.",
            err=True,
        )
    context.exit(1 if report.left or report.unfinished is not None else 0)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A bar on the terminal, if there is one; Stripe does not say how much is still to come."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def watch(what: str) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None)
            progress.advance(tasks[what])

        yield watch


def _as_json(report: Report, since: datetime) -> dict[str, Any]:
    return {
        "since": since.isoformat(),
        "checked": dict(report.checked),
        "expired": report.expired,
        "differences": [
            {
                "order": difference.order,
                "intent": difference.intent,
                "kind": difference.kind.value,
                "text": difference.text,
                "repaired": difference.end is End.REPAIRED,
            }
            for difference in report.differences
        ],
        "left": report.left,
        "unfinished": report.unfinished,
    }


def _print(report: Report, since: datetime, *, dry_run: bool) -> None:
    for difference in report.differences:
        click.echo(f"{difference.order}: {difference.text} [{difference.end.value}]")
    if report.expired:
        verb = "would expire" if dry_run else "expired"
        click.echo(f"Orders that {verb}, since nobody has paid in time: {report.expired}.")
    checked = ", ".join(f"{count} {what}" for what, count in report.checked.items())
    click.echo(f"Compared since {since:%Y-%m-%d %H:%M} UTC: {checked or 'nothing to compare'}.")
    if report.differences:
        found = len(report.differences)
        click.echo(f"Differences: {found}, repaired: {found - report.left}, left: {report.left}.")
    elif report.unfinished is None:
        click.echo("Stripe and the orders agree.")
