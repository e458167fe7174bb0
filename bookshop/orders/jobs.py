"""What has to be done from time to time, by the sweeper and by `reconcile`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.orders.audit import Cause
from bookshop.orders.payment.expiry import (
    cancel_order_intent,
    expire_abandoned,
    expire_lapsed,
    open_intents,
)
from bookshop.orders.refunds.execution import execute_refund, requested_keys
from bookshop.payments.errors import PaymentsError
from bookshop.payments.gateway import Gateway

BATCH = 50  # orders of a kind, so that a round stays short
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobResult:
    """What a round has done, and how often Stripe did not do what was asked."""

    expired: int
    closed: int
    refunded: int
    failed: int


def run_order_jobs(sessions: sessionmaker[Session], gateway: Gateway, cause: Cause) -> JobResult:
    """Expire what was not paid in time, cancel its intents, make the refunds that are asked for.

    Waits for Stripe. What could not be done now is found again the next time.
    """
    with sessions.begin() as session:
        expired = expire_lapsed(session, cause, clock.now())
    with sessions.begin() as session:
        expired += expire_abandoned(session, cause, clock.now(), BATCH)
    with sessions.begin() as session:
        intents, refunds = open_intents(session, BATCH), requested_keys(session)
    closed = _each(intents, lambda intent: cancel_order_intent(sessions, gateway, intent, cause))
    refunded = _each(refunds, lambda key: execute_refund(sessions, gateway, key, cause))
    failed = len(intents) + len(refunds) - closed - refunded
    if expired:
        LOG.info("orders_expired", extra={"count": expired})
    return JobResult(expired, closed, refunded, failed)


def _each(things: list[str], act: Callable[[str], None]) -> int:
    """How many could be done; one that cannot does not keep the others waiting."""
    done = 0
    for thing in things:
        try:
            act(thing)
        except PaymentsError as err:
            LOG.warning("%s is left for later: %s", thing, err)
        else:
            done += 1
    return done
