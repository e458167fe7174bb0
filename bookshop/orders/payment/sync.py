"""Synchronizes an order with the state of its PaymentIntent at Stripe.

The success page, the checkout page, the webhook, refunds and `reconcile` call `sync_payment`. It is
idempotent, accepts states in any order, and moves an order once, under a row lock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from bookshop.mail.addresses import mailbox_key
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.models import DisputeRecord, Order
from bookshop.orders.offers import has_fixed_total
from bookshop.orders.payment.failed_attempts import record_failed_attempt
from bookshop.orders.refund_records import record_stripe_refunds
from bookshop.orders.states import CLOSED, PAID_FOR, Actor, OrderStatus
from bookshop.orders.transitions import (
    is_allowed,
    release_dedup_key,
    transition,
    update_status,
)
from bookshop.payments.charges import (
    Address,
    Charge,
    Dispute,
    DisputeStatus,
    FraudWarning,
)
from bookshop.payments.intents import IntentStatus, PaymentIntent

log = logging.getLogger(__name__)

STATUS_OF_INTENT = {
    IntentStatus.REQUIRES_PAYMENT_METHOD: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.REQUIRES_CONFIRMATION: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.REQUIRES_ACTION: OrderStatus.AWAITING_PAYMENT,
    IntentStatus.PROCESSING: OrderStatus.PROCESSING,
    IntentStatus.SUCCEEDED: OrderStatus.PAID,
}
FINAL_STATUSES = frozenset(status.value for status in IntentStatus if status.final)
ABANDONED = "abandoned"  # the cancellation reason that the shop gives for expired orders


def sync_payment(
    session: Session, intent: PaymentIntent, cause: Cause, now: datetime
) -> Order | None:
    """Move the order that `intent` pays to the state at Stripe, and return it.

    Return None if the intent belongs to no order, or contradicts the order; such an order is
    flagged as payment mismatch and not moved. `cause` says what triggered the synchronization;
    the actor recorded with the changes is Stripe.
    """
    context = _stripe_context(session, cause, now)
    order = _lock_order(session, Order.number == intent.reference)
    if order is None:
        # The metadata may have been changed in the Stripe dashboard.
        order = _lock_order(session, Order.payment_intent == intent.id)
    if order is None or _has_mismatch(context, order, intent):
        return None
    order.payment_intent = intent.id
    _record_attempt(order, intent)
    _record_email(order, intent)
    if order.status == OrderStatus.PLACED:
        transition(context, order, OrderStatus.AWAITING_PAYMENT)
    outdated = _is_outdated(order, intent, now)
    if not outdated:
        order.checked_at, order.intent_status = intent.checked_at, intent.status.value
    elif intent.status is not IntentStatus.SUCCEEDED:
        return order  # a newer state has been applied already
    target = _target_status(intent)
    if target is None:
        fields = {"order": order.number, "intent": intent.id, "status": intent.status.value}
        log.error("unexpected_intent_status", extra=fields)
    elif order.status not in PAID_FOR and is_allowed(order, target, context.cause):
        transition(context, order, target)
    release_dedup_key(order)
    record_failed_attempt(context, order, intent.failed_charge)
    if order.status in PAID_FOR and intent.charge is not None:
        _record_charge(context, order, intent.charge, outdated=outdated)
    return order


def record_fraud_warnings(
    session: Session,
    intent_id: str,
    warnings: Iterable[FraudWarning],
    cause: Cause,
    now: datetime,
) -> None:
    """Flag the order of the intent if its card issuer suspects fraud. Idempotent.

    https://docs.stripe.com/disputes/prevention/early-fraud-warnings
    """
    context = _stripe_context(session, cause, now)
    order = _lock_order(session, Order.payment_intent == intent_id)
    for warning in sorted(warnings, key=lambda each: each.created):
        if order is not None and order.fraud_warned_at is None:
            order.fraud_warned_at = warning.created
            log.warning("fraud_warning", extra={"order": order.number, "intent": intent_id})
            event, kind = AuditEvent.FRAUD_WARNING, warning.fraud_type
            record_event(context, order, event, id=warning.id, kind=kind)


def address_to_json(address: Address) -> dict[str, str]:
    """Return the address as stored with an order; empty parts are left out."""
    return {name: value for name, value in asdict(address).items() if value}


def _stripe_context(session: Session, cause: Cause, now: datetime) -> TransitionContext:
    return TransitionContext(session, Cause(Actor.STRIPE, cause.trigger), now)


def _lock_order(session: Session, condition: ColumnElement[bool]) -> Order | None:
    order: Order | None = session.scalar(
        select(Order)
        .where(condition)
        .with_for_update()
        # What this session read before it had the lock may be outdated.
        .execution_options(populate_existing=True)
    )
    return order


def _adopt_amount(order: Order, intent: PaymentIntent, now: datetime) -> None:
    """Give an unpaid order the amount of its intent, if no reservation fixes the total.

    The price changed while the customer paid. The transition to paid decides whether the shop
    accepts that amount.
    """
    is_own = (intent.id, intent.reference) == (order.payment_intent, order.number)
    is_paid = intent.status is IntentStatus.SUCCEEDED
    in_full = not is_paid or intent.amount_received == intent.amount.amount
    if not (is_own and in_full and (is_paid or intent.status is IntentStatus.PROCESSING)):
        return
    is_one_copy = [line.quantity for line in order.lines] == [1]
    unpaid = order.status not in PAID_FOR and not has_fixed_total(order, now)
    if unpaid and is_one_copy and intent.amount != order.money:
        order.set_price(intent.amount)


def _record_email(order: Order, intent: PaymentIntent) -> None:
    """Record the payer's address if the order has none, since Pay of the checkout was skipped."""
    is_unknown = order.email is None and not order.erased
    if is_unknown and intent.charge is not None and intent.status is IntentStatus.SUCCEEDED:
        order.email = intent.charge.email


def _has_mismatch(context: TransitionContext, order: Order, intent: PaymentIntent) -> bool:
    """Flag and log an intent that contradicts the order. An operator has to decide then."""
    _adopt_amount(order, intent, context.now)
    compared: list[tuple[str, object, object]] = [
        ("id", intent.id, order.payment_intent or intent.id),
        ("order", _paid_order(context.session, order, intent), order.number),
        ("number", intent.reference, order.number),
    ]
    if intent.status is IntentStatus.SUCCEEDED:
        compared += [
            ("amount", intent.amount, order.money),
            ("received", intent.amount_received, order.total),
        ]
    differing = [name for name, actual, expected in compared if actual != expected]
    if differing and not order.payment_mismatch:
        order.payment_mismatch = True
        event = AuditEvent.PAYMENT_MISMATCH
        record_event(context, order, event, intent=intent.id, wrong=differing)
    if differing:
        fields = {"order": order.number, "intent": intent.id, "fields": differing}
        log.error("payment_mismatch", extra=fields)
    return bool(differing)


def _record_attempt(order: Order, intent: PaymentIntent) -> None:
    """Note that a payment with the order's address was attempted: its owner may be written to.

    Anyone can type an address and press Pay; only an attempt to pay reaches Stripe as a charge.
    """
    if order.status in CLOSED | PAID_FOR:
        return  # a closed order is not mailed any more, a paid one in any case
    tried = intent.charge.receipt_email if intent.charge is not None else None
    if tried and order.email and mailbox_key(tried) == mailbox_key(order.email):
        order.email_attempted = True


def _is_outdated(order: Order, intent: PaymentIntent, now: datetime) -> bool:
    """True if a newer state of the intent has been applied.

    Statuses that are not final may come and go, and are ordered by the time of their request. A
    recorded time in the future was written by a wrong clock, and orders nothing.
    """
    if order.intent_status in FINAL_STATUSES and not intent.status.final:
        return True
    return order.checked_at is not None and intent.checked_at < order.checked_at <= now


def _paid_order(session: Session, order: Order, intent: PaymentIntent) -> str:
    """Return the number of the order that the intent is recorded with; an intent pays one order."""
    if order.payment_intent is not None:
        return order.number
    query = select(Order.number).where(Order.payment_intent == intent.id)
    return session.scalar(query) or order.number


def _target_status(intent: PaymentIntent) -> OrderStatus | None:
    if intent.status is IntentStatus.CANCELED:
        expired = intent.cancellation_reason == ABANDONED
        return OrderStatus.EXPIRED if expired else OrderStatus.CANCELLED
    return STATUS_OF_INTENT.get(intent.status)


def _record_charge(
    context: TransitionContext, order: Order, charge: Charge, *, outdated: bool
) -> None:
    """Record address, review, refunds and disputes of the charge, and update the status.

    Refunds and disputes only advance, so that an outdated charge can still add to them. Its address
    and its review are ignored.
    """
    if charge.address is not None and not order.erased and not outdated:
        order.address = address_to_json(charge.address)
    if charge.under_review != order.under_review and not outdated:
        order.under_review = charge.under_review
        opened = charge.under_review
        event = AuditEvent.REVIEW_OPENED if opened else AuditEvent.REVIEW_CLOSED
        record_event(context, order, event)
    record_stripe_refunds(context, order, charge.refunds)
    for dispute in sorted(charge.disputes, key=lambda each: (each.created, each.id)):
        _record_dispute(context, order, dispute, outdated=outdated)
    update_status(context, order)


def _record_dispute(
    context: TransitionContext, order: Order, dispute: Dispute, *, outdated: bool
) -> None:
    record = context.session.scalar(
        select(DisputeRecord).where(DisputeRecord.stripe_id == dispute.id)
    )
    if record is None:
        record = DisputeRecord(order_id=order.id, stripe_id=dispute.id, opened_at=dispute.created)
        context.session.add(record)
    elif record.status == dispute.status:
        return
    else:
        recorded = DisputeStatus(record.status).rank
        if dispute.status.rank < recorded or (dispute.status.rank == recorded and outdated):
            return
    # An inquiry may become a dispute about a smaller amount after a partial refund.
    record.amount, record.reason = dispute.amount.amount, dispute.reason
    record.status = dispute.status.value
    event, status = AuditEvent.DISPUTE_UPDATED, dispute.status.value
    record_event(context, order, event, id=dispute.id, status=status)
