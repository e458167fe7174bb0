"""What both pages do with Stripe's word about a payment."""

from __future__ import annotations

from pyramid.request import Request

from bookshop import clock
from bookshop.db import commit_now
from bookshop.orders.audit import Cause
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.snapshot import OrderSnapshot, snapshot
from bookshop.orders.states import Actor
from bookshop.payments.intents import PaymentIntent


class PaymentMismatchError(Exception):
    """Money may have moved that the order does not account for: nobody must pay once more."""


def synced_order(request: Request, intent: PaymentIntent, page: str) -> OrderSnapshot:
    """The order as Stripe's word leaves it, written down whatever `page` says in the end.

    Raises PaymentMismatchError.
    """
    order = sync_payment(request.db, intent, Cause(Actor.STRIPE, page), clock.now())
    if order is None:
        commit_now(request)
        raise PaymentMismatchError(intent.id)
    found = snapshot(order)
    commit_now(request)
    return found
