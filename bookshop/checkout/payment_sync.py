"""What both pages do with Stripe's word about a payment."""

from __future__ import annotations

from pyramid.request import Request

from bookshop import clock
from bookshop.db import commit_now
from bookshop.orders.audit import Cause
from bookshop.orders.payment.sync import settle
from bookshop.orders.snapshot import OrderSnapshot, snapshot
from bookshop.orders.states import Actor
from bookshop.payments.intents import PaymentIntent


class ContradictionError(Exception):
    """Money may have moved that the order does not account for: nobody must pay once more."""


def settled(request: Request, intent: PaymentIntent, page: str) -> OrderSnapshot:
    """The order as Stripe's word leaves it, written down whatever `page` says in the end.

    Raises ContradictionError.
    """
    order = settle(request.db, intent, Cause(Actor.STRIPE, page), clock.now())
    if order is None:
        commit_now(request)
        raise ContradictionError(intent.id)
    found = snapshot(order)
    commit_now(request)
    return found
