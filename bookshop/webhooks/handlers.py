"""What the shop does with an event: asks Stripe how the payment stands now, and settles.

An event tells what was true when it was written, may come late, twice or never, and two of them
may tell of one change: https://docs.stripe.com/webhooks#best-practices. So none is believed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.orders.audit import Cause
from bookshop.orders.models import Order
from bookshop.orders.payment.sync import record_fraud_warnings, sync_payment
from bookshop.orders.states import Actor
from bookshop.payments.charges import FraudWarning
from bookshop.payments.errors import IntentMissingError, PaymentsError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import PaymentIntent
from bookshop.payments.webhook_signatures import Event
from bookshop.webhooks import ledger
from bookshop.webhooks.ledger import EventSnapshot
from bookshop.webhooks.models import EventRecord, EventStatus

FRAUD_WARNING = "radar.early_fraud_warning."
# How the types begin that may change where an order stands. Of the other events of a charge
# payment_intent.* tells already.
CONCERNING = (
    "payment_intent.",
    "charge.refunded",
    "charge.dispute.",
    "refund.",
    "review.",
    FRAUD_WARNING,
)
MISSING = "Stripe has no such PaymentIntent"
LOG = logging.getLogger(__name__)


class CannotApplyError(Exception):
    """A recorded event cannot be applied again; the text says why, in a sentence."""


@dataclass(frozen=True)
class _Word:
    """What Stripe says now."""

    intent: PaymentIntent
    warnings: tuple[FraudWarning, ...]


def handle(sessions: sessionmaker[Session], gateway: Gateway, event: Event) -> None:
    """Apply an event that has been delivered, once, however often and by however many it is.

    Waits for Stripe. Raises what was in the way, an error of Gateway's or of our own; the event
    is then noted as failed, and a later delivery applies it.
    """
    # An account may be shared with other software: what the shop does not know it does not keep.
    if not event.type.startswith(CONCERNING):
        return
    try:
        _handle(sessions, gateway, event)
    except Exception as err:
        _note_failure(sessions, event, err)
        raise


def apply_again(sessions: sessionmaker[Session], gateway: Gateway, event_id: str) -> EventSnapshot:
    """Apply an event of the ledger, whatever became of it before; what has become of it now.

    Waits for Stripe. Raises CannotApplyError.
    """
    with sessions.begin() as session:
        found = ledger.by_id(session, event_id)
    if found is None:
        raise CannotApplyError(f"No event {event_id} has been recorded.")
    if found.payment_intent is None:
        raise CannotApplyError(f"Event {event_id} is about no PaymentIntent.")
    try:
        word = _ask(gateway, found.type, found.payment_intent)
    except IntentMissingError:
        raise CannotApplyError(f"{MISSING}: {found.payment_intent}.") from None
    except PaymentsError as err:
        raise CannotApplyError(f"Stripe gave no answer that helps: {err}.") from None
    with sessions.begin() as session:
        record = ledger.retake(session, event_id)
        _apply(session, record, word)
        return ledger.snapshot(record)


def _handle(sessions: sessionmaker[Session], gateway: Gateway, event: Event) -> None:
    with sessions.begin() as session:
        if ledger.done_before(session, event.id):
            return
        if _number(session, event.intent_id, event.reference) is None:
            _ignore(session, event, problem=None)
            return
    try:
        word = _ask(gateway, event.type, event.intent_id or "")
    except IntentMissingError:
        LOG.warning("event %s: %s", event.id, MISSING)
        with sessions.begin() as session:
            _ignore(session, event, problem=MISSING)
        return
    with sessions.begin() as session:
        record = ledger.take(session, event, clock.now())
        if record is not None:
            _apply(session, record, word)


def _number(session: Session, intent_id: str | None, reference: str | None) -> str | None:
    """The number of the order that an intent pays: its id may never have been written down."""
    if intent_id is None:
        return None
    wanted = select(Order.number).where(
        or_(Order.payment_intent == intent_id, Order.number == reference)
    )
    return session.scalars(wanted.limit(1)).one_or_none()


def _ask(gateway: Gateway, kind: str, intent_id: str) -> _Word:
    intent = gateway.retrieve_intent(intent_id)
    warnings = gateway.fraud_warnings(intent_id) if kind.startswith(FRAUD_WARNING) else ()
    return _Word(intent, warnings)


def _apply(session: Session, record: EventRecord, word: _Word) -> None:
    now = clock.now()
    cause = Cause(Actor.STRIPE, record.id)
    order = sync_payment(session, word.intent, cause, now)
    if word.warnings:
        record_fraud_warnings(session, word.intent.id, word.warnings, cause, now)
    if order is not None:
        ledger.close(record, EventStatus.APPLIED, now, order=order.number)
        return
    number = _number(session, word.intent.id, word.intent.reference)
    if number is None:
        ledger.close(record, EventStatus.IGNORED, now)
        return
    # Another delivery would find the same: it is for a person to look at.
    problem = f"the payment contradicts order {number}"
    ledger.close(record, EventStatus.APPLIED, now, order=number, problem=problem)


def _ignore(session: Session, event: Event, problem: str | None) -> None:
    record = ledger.take(session, event, clock.now())
    if record is not None:
        ledger.close(record, EventStatus.IGNORED, clock.now(), problem=problem)


def _note_failure(sessions: sessionmaker[Session], event: Event, err: Exception) -> None:
    """Write down what was in the way, in a transaction of its own."""
    problem = f"the shop failed: {type(err).__name__}"
    if isinstance(err, PaymentsError):
        problem = f"Stripe gave no answer that helps: {err}"
    LOG.warning("event %s is left for a later delivery: %s", event.id, problem)
    try:
        with sessions.begin() as session:
            record = ledger.take(session, event, clock.now())
            if record is not None:
                record.problem = problem
    except SQLAlchemyError as second:
        LOG.warning("event %s could not be noted: %s", event.id, type(second).__name__)
