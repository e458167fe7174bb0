"""`bookshop mail`."""

from __future__ import annotations

import click

from bookshop import clock
from bookshop.cli.shop import (
    ShopContext,
    json_option,
    print_json,
    print_line,
)
from bookshop.cli.tables import print_table
from bookshop.mail import outbox
from bookshop.mail.models import MailStatus
from bookshop.mail.queries import newest_mails
from bookshop.mail.queue import Outcome
from bookshop.mail.worker import make_mail_worker
from bookshop.orders.emails import EmailComposer

OUTCOMES = {
    MailStatus.SENT: "sent",
    MailStatus.WAITING: "failed, will be retried",
    MailStatus.GIVEN_UP: "failed permanently",
}


@click.group()
def mail() -> None:
    """List the shop's e-mails, and deliver them."""


@mail.command("list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in MailStatus]),
    help="Only e-mails with this status.",
)
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="At most this many.",
)
@json_option
@click.pass_obj
def list_mails(shop: ShopContext, *, status: str | None, limit: int, as_json: bool) -> None:
    """List e-mails, newest first."""
    with shop.session() as session:
        mails = newest_mails(session, limit, MailStatus(status) if status else None)
    if as_json:
        print_json({"mails": mails})
        return
    headers = ("id", "written", "kind", "order", "to", "status", "attempts", "problem")
    rows = (
        (
            str(each["id"]),
            shop.local_minute(each["written_at"]),
            each["kind"],
            each["order"],
            each["recipient"],
            each["status"],
            str(each["attempts"]),
            each["problem"] or "",
        )
        for each in mails
    )
    print_table(headers, rows, complete={"id", "order"})


@mail.command("send")
@click.option(
    "--again",
    type=int,
    multiple=True,
    metavar="ID",
    help="Also send this e-mail, even if it was sent or failed permanently. May be repeated.",
)
@click.pass_obj
@click.pass_context
def send_mails(context: click.Context, shop: ShopContext, *, again: tuple[int, ...]) -> None:
    """Deliver all e-mails that are due. Exit code 1 if any could not be delivered.

    A running shop does this automatically.
    """
    with shop.session(writing=True) as session, session.begin():
        for mail_id in again:
            if not outbox.requeue(session, mail_id, clock.now()):
                message = f"E-mail {mail_id} does not exist or is being delivered."
                raise click.ClickException(message)
    outcomes = make_mail_worker(shop.registry, EmailComposer(shop.registry)).deliver_due()
    for outcome in outcomes:
        print_line(_describe(outcome))
    if not outcomes:
        click.echo("No e-mails are due.")
    context.exit(0 if all(outcome.error is None for outcome in outcomes) else 1)


def _describe(outcome: Outcome) -> str:
    text = f"E-mail {outcome.id} ({outcome.kind}): {OUTCOMES[outcome.status]}"
    if outcome.error is None:
        return text
    return f"{text}: {outcome.error.summary} {outcome.error.answer}".rstrip()
