"""`bookshop customer`."""

from __future__ import annotations

import click
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock
from bookshop.cli.shop import ShopContext, answering, print_json, who
from bookshop.ops.privacy import Erased, UnderWayError, compact, held_about, letters_to
from bookshop.ops.privacy import erase as erase_customer
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.states import Actor

REMAINS = """\
What remains:
- The orders' numbers, books, amounts and dates, which the law has a shop keep.
- Backups that were made before: delete them in their time, and erase again after a restore.
- Mail and logs of other machines: the mail server's, the proxy's."""
AT_STRIPE = """\
- The payments below at Stripe, which has them redacted on request:
  https://docs.stripe.com/privacy/redaction"""


@click.group()
def customer() -> None:
    """Tell what is held about a customer, or erase it."""


@customer.command("export")
@click.argument("email")
@click.pass_obj
def export_customer(shop: ShopContext, *, email: str) -> None:
    """All that is held about whoever has that address, as JSON. Exit code 1 where that is nothing.

    Orders, lines, addresses, mails, and all that ever happened.
    """
    with answering(), shop.session() as session:
        orders = held_about(session, email)
    if not orders:
        message = f"Nothing is held about {email}."
        raise click.ClickException(message)
    print_json({"email": email, "orders": orders})


@customer.command("erase")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(shop: ShopContext, *, email: str, yes: bool) -> None:
    """Take whoever has that address out of orders, mails and history. Records of money stay.

    It cannot be undone, and can be repeated.
    """
    if not yes:
        click.confirm(f"Erase {email} for good?", abort=True)
    cause = Cause(Actor.STAFF, f"customer erase by {who()}")
    try:
        with answering(), shop.session(writing=True) as session, session.begin():
            erased = erase_customer(TransitionContext(session, cause, clock.now()), email)
    except UnderWayError as err:
        message = f"Nothing was erased. {err} Send, refund or wait, and try again."
        raise click.ClickException(message) from None
    letters = list(letters_to(shop.services.settings.mail.folder, email))
    for file in letters:
        file.unlink()
    _compact(shop, email)
    _tell(erased, len(letters))


def _compact(shop: ShopContext, email: str) -> None:
    try:
        done = compact(shop.services.engine)
    except SQLAlchemyError:
        done = False
    if not done:
        message = (
            f"{email} is erased, but the database is busy and its file may still have traces:"
            " run this again."
        )
        raise click.ClickException(message)


def _tell(erased: Erased, letters: int) -> None:
    orders = ", ".join(erased.orders) or "none"
    click.echo(f"Orders made nameless: {orders}. Mails erased: {erased.mails + letters}.")
    click.echo(REMAINS)
    if erased.intents:
        click.echo(AT_STRIPE)
        for intent in erased.intents:
            click.echo(f"  {intent}")
