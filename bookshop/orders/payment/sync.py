"""The one function that moves an order from what Stripe says about its PaymentIntent.

The success page, the checkout page, the webhook, refunds and `reconcile` all call it. It is
idempotent, takes what they heard in any order, and moves an order once, under a row lock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.audit import Cause, TransitionContext, record_event
from bookshop.orders.models import DisputeRecord, Order
from bookshop.orders.refunds import requests
from bookshop.orders.states import PAID_FOR, Actor, OrderStatus
from bookshop.orders.status import update_status
from bookshop.orders.transitions import is_allowed, release_dedup_key, transition
from bookshop.payments.charges import Address, Charge, Dispute, FraudWarning
from bookshop.payments.intents import IntentStatus, PaymentIntent

LOG = logging.getLogger(__name__)

MEANS = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.REQUIRES_CONFIRMATION: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.REQUIRES_ACTION: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.PROCESSING: OrderStatus.PROCESSING,
    IntentStatus.SUCCEEDED: OrderStatus.PAID,
}
ABANDONED = "abandoned"  # the reason that the shop gives when it cancels what was not paid in time


def sync_payment(
    session: Session, intent: PaymentIntent, cause: Cause, now: datetime
) -> Order | None:
    """The order that `intent` pays, moved to where Stripe says that it stands.

    None where the intent is not one of the shop's, or contradicts what the shop has written
    down: then the order is marked, and not moved. `cause` says who asked Stripe; what the order
    does is by Stripe's word, whoever asked.
    """
    occasion = _heard(session, cause, now)
    order = _locked(session, Order.number == intent.reference)
    if order is None:
        # Somebody may have changed the number at Stripe.
        order = _locked(session, Order.payment_intent == intent.id)
    if order is None or _contradicts(occasion, order, intent):
        return None
    order.payment_intent = intent.id
    if order.status == OrderStatus.PLACED:
        transition(occasion, order, OrderStatus.AWAITING_PAYMENT)
    outdated = order.asked_at is not None and intent.asked_at < order.asked_at
    if not outdated:
        order.asked_at, order.intent_status = intent.asked_at, intent.status.value
    elif intent.status is not IntentStatus.SUCCEEDED:
        return order  # somebody who asked later has been here before
    target = _target(intent)
    if target is None:
        LOG.error("order %s: intent %s is %s", order.number, intent.id, intent.status)
    elif order.status not in PAID_FOR and is_allowed(order, target, occasion.cause):
        transition(occasion, order, target)
    release_dedup_key(order)
    if order.status in PAID_FOR and intent.charge is not None and not outdated:
        _mirror(occasion, order, intent.charge)
    return order


def record_fraud_warnings(
    session: Session,
    intent_id: str,
    warnings: Iterable[FraudWarning],
    cause: Cause,
    now: datetime,
) -> None:
    """Mark the order of that intent where its bank takes the payment for fraud. Repeatable.

    https://docs.stripe.com/disputes/prevention/early-fraud-warnings
    """
    occasion = _heard(session, cause, now)
    order = _locked(session, Order.payment_intent == intent_id)
    for warning in sorted(warnings, key=lambda each: each.created):
        if order is not None and order.warned_at is None:
            order.warned_at = warning.created
            LOG.warning("order %s: its bank warns of fraud", order.number)
            record_event(occasion, order, "fraud_warning", id=warning.id, kind=warning.fraud_type)


def address_to_json(address: Address) -> dict[str, str]:
    """An address as an order keeps it."""
    return {name: value for name, value in asdict(address).items() if value}


def _heard(session: Session, cause: Cause, now: datetime) -> TransitionContext:
    return TransitionContext(session, Cause(Actor.STRIPE, cause.what), now)


def _locked(session: Session, condition: object) -> Order | None:
    found: Order | None = session.scalar(
        select(Order)
        .where(condition)  # type: ignore[arg-type]
        .with_for_update()
        # What this session has read before the lock may be out of date.
        .execution_options(populate_existing=True)
    )
    return found


def _contradicts(occasion: TransitionContext, order: Order, intent: PaymentIntent) -> bool:
    """Whether the intent is not what the order asked for; a person has to look then."""
    wrong = [
        name
        for name, said, known in (
            ("id", intent.id, order.payment_intent or intent.id),
            ("order", _payer(occasion, order, intent), order.number),
            ("number", intent.reference, order.number),
            ("amount", intent.amount, order.money),
            ("received", intent.amount_received, order.total),
        )
        if said != known
        and (name in {"id", "number", "order"} or intent.status is IntentStatus.SUCCEEDED)
    ]
    if wrong and not order.contradicted:
        order.contradicted = True
        record_event(occasion, order, "contradiction", intent=intent.id, wrong=wrong)
    if wrong:
        LOG.error(
            "order %s: intent %s contradicts it in %s: a person has to look",
            order.number,
            intent.id,
            ", ".join(wrong),
        )
    return bool(wrong)


def _payer(occasion: TransitionContext, order: Order, intent: PaymentIntent) -> str:
    """The number of the order that is known to be paid by the intent; an intent pays one."""
    if order.payment_intent is not None:
        return order.number
    known = select(Order.number).where(Order.payment_intent == intent.id)
    return occasion.session.scalar(known) or order.number


def _target(intent: PaymentIntent) -> OrderStatus | None:
    if intent.status is IntentStatus.CANCELED:
        expired = intent.cancellation_reason == ABANDONED
        return OrderStatus.EXPIRED if expired else OrderStatus.CANCELLED
    return MEANS.get(intent.status)


def _mirror(occasion: TransitionContext, order: Order, charge: Charge) -> None:
    """Write down what became of the money since, and let the order stand where that puts it."""
    if charge.address is not None and not order.erased:
        order.address = address_to_json(charge.address)
    if charge.under_review != order.under_review:
        order.under_review = charge.under_review
        record_event(occasion, order, "review_opened" if charge.under_review else "review_closed")
    requests.record_stripe_refunds(occasion, order, charge.refunds)
    for dispute in sorted(charge.disputes, key=lambda each: (each.created, each.id)):
        _mirror_dispute(occasion, order, dispute)
    update_status(occasion, order)


def _mirror_dispute(occasion: TransitionContext, order: Order, dispute: Dispute) -> None:
    found = occasion.session.scalar(
        select(DisputeRecord).where(DisputeRecord.stripe_id == dispute.id)
    )
    if found is None:
        found = DisputeRecord(order_id=order.id, stripe_id=dispute.id, opened_at=dispute.created)
        occasion.session.add(found)
    elif found.status == dispute.status:
        return
    # An inquiry may become a dispute about less, where money has gone back meanwhile.
    found.amount, found.reason = dispute.amount.amount, dispute.reason
    found.status = dispute.status.value
    record_event(occasion, order, "dispute", id=dispute.id, status=dispute.status.value)
