"""Synchronises an order with its payment and commits the result."""

from __future__ import annotations

from sqlalchemy.orm import Session
from transaction import TransactionManager

from bookshop import clock
from bookshop.db import commit_now
from bookshop.orders.audit import Cause
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.snapshot import OrderSnapshot, order_snapshot
from bookshop.orders.states import Actor
from bookshop.payments.intents import PaymentIntent


class PaymentMismatchError(Exception):
    """The payment does not match the order. The page must not offer to pay again."""


def sync_and_commit(
    db: Session, transactions: TransactionManager, intent: PaymentIntent, page: str
) -> OrderSnapshot:
    """Synchronise the order with its intent and commit, even if the page later fails.

    `page` is the cause recorded in the audit trail. Raises PaymentMismatchError.
    """
    order = sync_payment(db, intent, Cause(Actor.STRIPE, page), clock.now())
    if order is None:
        commit_now(transactions)
        raise PaymentMismatchError(intent.id)
    synced = order_snapshot(order)
    commit_now(transactions)
    return synced
