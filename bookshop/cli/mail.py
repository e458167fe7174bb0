"""`bookshop mail`."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from bookshop import clock
from bookshop.cli.shop import ShopContext, answering, print_json
from bookshop.mail import outbox
from bookshop.mail.models import MailStatus
from bookshop.mail.queries import newest_mails
from bookshop.mail.queue import Outcome
from bookshop.mail.worker import make_mail_worker
from bookshop.orders.emails import EmailComposer

IN_WORDS = {
    MailStatus.SENT: "was sent",
    MailStatus.WAITING: "is tried again later",
    MailStatus.GIVEN_UP: "was given up",
}


@click.group()
def mail() -> None:
    """Look at the shop's mail, and deliver it."""


@mail.command("list")
@click.option("--status", type=click.Choice([status.value for status in MailStatus]))
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def list_mails(shop: ShopContext, *, status: str | None, limit: int, as_json: bool) -> None:
    """The last mails, the newest first."""
    with shop.session() as session:
        found = newest_mails(session, limit, MailStatus(status) if status else None)
    if as_json:
        print_json({"mails": found})
        return
    table = Table("id", "written", "kind", "order", "to", "status", "attempts", "problem")
    for each in found:
        table.add_row(
            str(each["id"]),
            each["written_at"][:16].replace("T", " "),
            each["kind"],
            each["order"],
            each["recipient"],
            each["status"],
            str(each["attempts"]),
            each["problem"] or "",
        )
    Console().print(table)


@mail.command("send")
@click.option(
    "--again",
    type=int,
    multiple=True,
    metavar="ID",
    help="Send this mail as well, even if it was sent or given up. May be repeated.",
)
@click.pass_obj
@click.pass_context
def send_mails(context: click.Context, shop: ShopContext, *, again: tuple[int, ...]) -> None:
    """Deliver all mail that is due now. Exit code 1 where some could not be delivered."""
    with shop.session(writing=True) as session, session.begin():
        for mail_id in again:
            if not outbox.requeue(session, mail_id, clock.now()):
                message = f"There is no mail {mail_id}, or it is being delivered at this moment."
                raise click.ClickException(message)
    with answering():
        outcomes = make_mail_worker(shop.registry, EmailComposer(shop.registry)).deliver_due()
    for outcome in outcomes:
        click.echo(_in_words(outcome))
    if not outcomes:
        click.echo("No mail is due.")
    context.exit(0 if all(outcome.error is None for outcome in outcomes) else 1)


def _in_words(outcome: Outcome) -> str:
    told = f"Mail {outcome.id} ({outcome.kind}) {IN_WORDS[outcome.status]}"
    if outcome.error is None:
        return f"{told}."
    return f"{told}: {outcome.error.summary} {outcome.error.answer}".rstrip()
