"""`bookshop customer`."""

from __future__ import annotations

import click

from bookshop.cli.shop import (
    ShopContext,
    current_user,
    print_json,
)
from bookshop.ops.privacy import erasure
from bookshop.ops.privacy.export import export_customer
from bookshop.orders.audit import Cause
from bookshop.orders.states import Actor

NOT_ERASED = """\
Not erased:
- Order numbers, books, amounts and dates, which the law requires a shop to keep.
- Earlier backups: delete them when they expire, and erase again after a restore.
- E-mails and logs of other machines, such as the mail server and the proxy."""
AT_STRIPE = """\
- These payments at Stripe. Stripe redacts them on request, see
  https://docs.stripe.com/privacy/redaction"""


@click.group()
def customer() -> None:
    """Export or erase a customer's personal data."""


@customer.command("export")
@click.argument("email")
@click.pass_obj
def export(shop: ShopContext, *, email: str) -> None:
    """Print all data about a customer as JSON.

    Finds orders, addresses, e-mails and history by the e-mail address. Exit code 1 if none exist.

    Example: bookshop customer export ada@mail.example > ada.json
    """
    with shop.session() as session:
        orders = export_customer(session, email)
    if not orders:
        message = f"No data found about {email}."
        raise click.ClickException(message)
    print_json({"email": email, "orders": orders})


@customer.command("erase")
@click.argument("email")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def erase(shop: ShopContext, *, email: str, yes: bool) -> None:
    """Erase the personal data of the customer with this e-mail address. It cannot be undone.

    Removes it from orders, history and stored e-mails; numbers, books, amounts and dates stay.
    Refused while an order of the customer is being paid, refunded or disputed, or copies of it are
    still to be shipped. Can be repeated.
    """
    if not yes:
        click.confirm(f"Erase all personal data of {email}?", abort=True)
    shop.session(writing=True).close()
    cause = Cause(Actor.STAFF, f"customer erase by {current_user()}")
    try:
        result = erasure.erase_customer(shop.services, email, cause)
    except erasure.OpenOrdersError as err:
        message = f"Nothing was erased. {err} Ship, refund or wait, then try again."
        raise click.ClickException(message) from None
    if not result.compacted:
        message = (
            f"{email} was erased, but the database is in use and its file may still contain traces."
            " Run this command again."
        )
        raise click.ClickException(message)
    _print(result)


def _print(result: erasure.Erasure) -> None:
    records = result.records
    click.echo(f"Orders anonymised: {', '.join(records.orders) or 'none'}")
    click.echo(f"E-mails deleted: {result.mails}")
    click.echo(NOT_ERASED)
    if records.intents:
        click.echo(AT_STRIPE)
        for intent in records.intents:
            click.echo(f"  {intent}")
