"""`bookshop refund`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from bookshop.cli.shop import (
    ShopContext,
    current_user,
    json_option,
    print_json,
)
from bookshop.money import AmountError, read_amount
from bookshop.orders.audit import Cause
from bookshop.orders.queries import NoSuchOrderError
from bookshop.orders.refund_records import LocalRefundStatus
from bookshop.orders.refunds.requests import CannotRefundError
from bookshop.orders.refunds.service import RefundRequest, RefundResult, refund_order
from bookshop.orders.states import Actor


@click.command()
@click.argument("order")
@click.option(
    "--amount",
    metavar="AMOUNT",
    help="Amount, for example 12.50. Default: all that remains.",
)
@click.option("--restock", is_flag=True, help="Put the order's books back in stock.")
@json_option
@click.pass_obj
def refund(
    shop: ShopContext, *, order: str, amount: str | None, restock: bool, as_json: bool
) -> None:
    """Refund an order to the original payment method.

    ORDER is the order's number. Exit code 1 if the refund was not made.

    Example: bookshop refund K7QM-2X9T-4BCQ --amount 12.50
    """
    shop.session(writing=True).close()
    services = shop.services
    request = RefundRequest(
        order, partial(read_amount, amount) if amount is not None else None, restock
    )
    cause = Cause(Actor.STAFF, f"refund by {current_user()}")
    try:
        result = refund_order(services.sessions, services.payments, request, cause)
    except AmountError as err:
        raise click.BadParameter(str(err), param_hint="--amount") from None
    except (NoSuchOrderError, CannotRefundError) as err:
        raise click.ClickException(str(err)) from None
    if as_json:
        print_json(_as_json(result))
    else:
        click.echo(_describe(result, services.settings.shop.locale))
    click.get_current_context().exit(0 if result.done else 1)


def _describe(result: RefundResult, locale: str) -> str:
    amount = result.amount.format(locale)
    if result.status == LocalRefundStatus.REQUESTED:
        return (
            f"Stripe did not respond ({result.problem}).\n"
            f"The refund of {amount} is saved. The shop makes it as soon as Stripe responds,"
            " and so does `bookshop reconcile`. Do not request it again."
        )
    if result.status == LocalRefundStatus.REFUSED:
        return f"Stripe refused to refund {amount}: {result.problem}."
    if not result.done:
        reason = result.problem or "Stripe gave no reason"
        return f"The refund of {amount} is {result.status}: {reason}."
    pending = "" if result.status == "succeeded" else f", {result.status}"
    return (
        f"Refunded {amount} ({result.stripe_id}{pending}).\nOrder {result.number}: {result.order}"
    )


def _as_json(result: RefundResult) -> dict[str, Any]:
    return {
        "number": result.number,
        "refund": result.stripe_id,
        "amount": result.amount.amount,
        "currency": result.amount.currency,
        "status": result.status,
        "problem": result.problem,
        "order_status": result.order.value,
    }
