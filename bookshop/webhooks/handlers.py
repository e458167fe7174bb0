"""Applies events: retrieves the payment from Stripe and synchronises its order.

An event describes the past: it may arrive late, twice or never, and two events may report one
change. So its content is not used, only the ids in it.
https://docs.stripe.com/webhooks#best-practices
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.jobs import BATCH, cancel_intents
from bookshop.orders.models import Order
from bookshop.orders.payment.expiry import open_intents
from bookshop.orders.payment.failed_attempts import closed_with, record_failed_attempt
from bookshop.orders.payment.sync import record_fraud_warnings, sync_payment
from bookshop.orders.states import Actor
from bookshop.payments.charges import FraudWarning
from bookshop.payments.errors import IntentMissingError, PaymentsError, StripeRefusedError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import PaymentIntent
from bookshop.payments.webhook_signatures import Event
from bookshop.webhooks import ledger
from bookshop.webhooks.ledger import EventSnapshot
from bookshop.webhooks.models import EventRecord, EventStatus

FRAUD_WARNING_PREFIX = "radar.early_fraud_warning."
#: Prefixes of the event types that may change an order. Other events of a charge are redundant:
#: payment_intent.* reports the same changes.
HANDLED_PREFIXES = (
    "payment_intent.",
    "charge.refunded",
    "charge.dispute.",
    "refund.",
    "review.",
    FRAUD_WARNING_PREFIX,
)
INTENT_NOT_FOUND = "PaymentIntent not found at Stripe"
log = logging.getLogger(__name__)


class ReplayErrorCode(StrEnum):
    """Why a recorded event could not be applied again."""

    UNKNOWN_EVENT = "unknown_event"
    NO_INTENT = "no_intent"
    INTENT_NOT_FOUND = "intent_not_found"
    STRIPE_ERROR = "stripe_error"


class ReplayError(Exception):
    """A recorded event could not be applied again; the text says why."""

    def __init__(self, code: ReplayErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class _Payment:
    """A payment as Stripe has it now."""

    intent: PaymentIntent
    fraud_warnings: tuple[FraudWarning, ...]


def handle_event(sessions: sessionmaker[Session], gateway: Gateway, event: Event) -> None:
    """Apply a delivered event once, however many deliveries and processes there are.

    Waits for Stripe. Any error is recorded and raised; a later delivery applies the event.
    """
    # Other software may share the account: events that the shop does not handle are not stored.
    if not event.type.startswith(HANDLED_PREFIXES):
        return
    try:
        _handle(sessions, gateway, event)
    except Exception as err:
        _record_failure(sessions, event, err)
        raise


def replay_event(sessions: sessionmaker[Session], gateway: Gateway, event_id: str) -> EventSnapshot:
    """Apply a recorded event again, whatever its outcome was, and return the new outcome.

    Waits for Stripe. Raises ReplayError.
    """
    with sessions.begin() as session:
        recorded = ledger.find_event(session, event_id)
    if recorded is None:
        text = f"Event {event_id} has not been recorded."
        raise ReplayError(ReplayErrorCode.UNKNOWN_EVENT, text)
    if recorded.payment_intent is None:
        text = f"Event {event_id} concerns no PaymentIntent."
        raise ReplayError(ReplayErrorCode.NO_INTENT, text)
    try:
        payment = _retrieve_payment(gateway, recorded.type, recorded.payment_intent)
    except IntentMissingError:
        text = f"{INTENT_NOT_FOUND}: {recorded.payment_intent}."
        raise ReplayError(ReplayErrorCode.INTENT_NOT_FOUND, text) from None
    except PaymentsError as err:
        raise ReplayError(ReplayErrorCode.STRIPE_ERROR, f"{_describe(err)}.") from None
    with sessions.begin() as session:
        record = ledger.lock(session, event_id)
        _apply(session, record, payment)
        return ledger.take_snapshot(record)


def _handle(sessions: sessionmaker[Session], gateway: Gateway, event: Event) -> None:
    with sessions.begin() as session:
        if ledger.count_redelivery(session, event.id):
            return
        if _find_order_number(session, event.intent_id, event.reference) is None:
            _ignore(session, event, problem=None)
            return
    try:
        payment = _retrieve_payment(gateway, event.type, event.intent_id or "")
    except IntentMissingError:
        log.warning("webhook_intent_not_found", extra={"event_id": event.id})
        with sessions.begin() as session:
            _ignore(session, event, problem=INTENT_NOT_FOUND)
        return
    with sessions.begin() as session:
        record = ledger.begin(session, event, clock.now())
        closed = _apply(session, record, payment, event.failed_attempt) if record else []
    cancel_intents(sessions, gateway, closed, Cause(Actor.STRIPE, event.id))


def _find_order_number(
    session: Session, intent_id: str | None, reference: str | None
) -> str | None:
    """Return the number of an intent's order, which may not have recorded the intent's id."""
    if intent_id is None:
        return None
    query = select(Order.number).where(
        or_(Order.payment_intent == intent_id, Order.number == reference)
    )
    return session.scalars(query.limit(1)).one_or_none()


def _retrieve_payment(gateway: Gateway, event_type: str, intent_id: str) -> _Payment:
    intent = gateway.retrieve_intent(intent_id)
    is_fraud_warning = event_type.startswith(FRAUD_WARNING_PREFIX)
    return _Payment(intent, gateway.fraud_warnings(intent_id) if is_fraud_warning else ())


def _apply(
    session: Session, record: EventRecord, payment: _Payment, failed_attempt: str | None = None
) -> list[str]:
    """Apply an event; return the intents to cancel because too many attempts to pay failed."""
    now, intent = clock.now(), payment.intent
    cause = Cause(Actor.STRIPE, record.id)
    order = sync_payment(session, intent, cause, now)
    if payment.fraud_warnings:
        record_fraud_warnings(session, intent.id, payment.fraud_warnings, cause, now)
    if order is not None:
        record_failed_attempt(TransitionContext(session, cause, now), order, failed_attempt)
        ledger.finish(record, EventStatus.APPLIED, now, order=order.number)
        return open_intents(session, BATCH, closed_with(order)) if failed_attempt else []
    number = _find_order_number(session, intent.id, intent.reference)
    if number is None:
        ledger.finish(record, EventStatus.IGNORED, now)
        return []
    # A redelivery would have the same result: an operator has to check the payment.
    problem = f"the payment does not match order {number}"
    ledger.finish(record, EventStatus.APPLIED, now, order=number, problem=problem)
    return []


def _ignore(session: Session, event: Event, problem: str | None) -> None:
    record = ledger.begin(session, event, clock.now())
    if record is not None:
        ledger.finish(record, EventStatus.IGNORED, clock.now(), problem=problem)


def _describe(err: Exception) -> str:
    """Return an error in words without personal data, which other errors' texts may contain."""
    if isinstance(err, StripeRefusedError):
        return f"Stripe refused the request: {err}"
    if isinstance(err, PaymentsError):
        return f"Stripe did not respond: {err}"
    return f"internal error: {type(err).__name__}"


def _record_failure(sessions: sessionmaker[Session], event: Event, err: Exception) -> None:
    """Record an error in a transaction of its own."""
    problem = _describe(err)
    log.warning("webhook_event_failed", extra={"event_id": event.id, "problem": problem})
    try:
        with sessions.begin() as session:
            record = ledger.begin(session, event, clock.now())
            if record is not None:
                record.problem = problem
    except SQLAlchemyError as database_error:
        fields = {"event_id": event.id, "error": type(database_error).__name__}
        log.warning("webhook_event_not_recorded", extra=fields)
