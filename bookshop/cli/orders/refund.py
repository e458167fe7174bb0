"""`bookshop refund`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from bookshop.cli.shop import ShopContext, answering, print_json, who
from bookshop.money import AmountError, read_amount
from bookshop.orders.audit import Cause
from bookshop.orders.queries import NoSuchOrderError
from bookshop.orders.refunds.requests import CannotRefundError, LocalRefundStatus
from bookshop.orders.refunds.service import RefundRequest, RefundResult, refund_order
from bookshop.orders.states import Actor


@click.command()
@click.argument("order")
@click.option("--amount", metavar="12.50", help="That much, in whole units; else all that is left.")
@click.option("--restock", is_flag=True, help="Put the order's copies back on the shelf.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def refund(
    shop: ShopContext, *, order: str, amount: str | None, restock: bool, as_json: bool
) -> None:
    """Give money back to whoever paid for an order."""
    shop.session(writing=True).close()
    services = shop.services
    wish = RefundRequest(
        order, partial(read_amount, amount) if amount is not None else None, restock
    )
    cause = Cause(Actor.STAFF, f"refund by {who()}")
    try:
        with answering():
            given = refund_order(services.sessions, services.payments, wish, cause)
    except AmountError as err:
        raise click.BadParameter(str(err), param_hint="--amount") from None
    except (NoSuchOrderError, CannotRefundError) as err:
        raise click.ClickException(str(err)) from None
    if as_json:
        print_json(_as_json(given))
    else:
        click.echo(_in_words(given, services.settings.shop.locale))
    click.get_current_context().exit(0 if given.done else 1)


def _in_words(given: RefundResult, locale: str) -> str:
    amount = given.amount.format(locale)
    if given.status == LocalRefundStatus.REQUESTED:
        return (
            f"Stripe gave no answer that helps ({given.problem}).\n"
            f"The refund of {amount} is asked for: the shop makes it as soon as Stripe answers,"
            " or `bookshop reconcile` does. Do not ask for it again."
        )
    if given.status == LocalRefundStatus.REFUSED:
        return f"Stripe refuses the refund of {amount}: {given.problem}."
    if not given.done:
        return (
            f"The refund of {amount} has {given.status}: {given.problem or 'Stripe says no more'}."
        )
    return (
        f"{amount} go back ({given.stripe_id}, {given.status}). The order is {given.order.value}."
    )


def _as_json(given: RefundResult) -> dict[str, Any]:
    return {
        "number": given.number,
        "refund": given.stripe_id,
        "amount": given.amount.amount,
        "currency": given.amount.currency,
        "status": given.status,
        "problem": given.problem,
        "order_status": given.order.value,
    }
