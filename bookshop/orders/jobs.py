"""Periodic work on orders, run by the job worker and by `reconcile`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.orders.audit import Cause
from bookshop.orders.payment.expiry import (
    cancel_order_intent,
    cancel_outdated,
    expire_abandoned,
    expire_lapsed,
    open_intents,
)
from bookshop.orders.payment.reservation_limits import forget_networks
from bookshop.orders.refunds.execution import execute_refund, requested_keys
from bookshop.payments.errors import PaymentsError
from bookshop.payments.gateway import Gateway

BATCH = 50  # orders of each kind per run, which keeps a run short
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobResult:
    """The counts of one run; `failed` counts calls to Stripe that failed."""

    expired: int
    outdated: int
    closed: int
    refunded: int
    failed: int


def run_order_jobs(sessions: sessionmaker[Session], gateway: Gateway, cause: Cause) -> JobResult:
    """Close expired and outdated orders, cancel their intents, and execute requested refunds.

    Waits for Stripe. The next run retries what failed.
    """
    with sessions.begin() as session:
        expired = expire_lapsed(session, cause, clock.now())
    with sessions.begin() as session:
        expired += expire_abandoned(session, cause, clock.now(), BATCH)
    with sessions.begin() as session:
        outdated = cancel_outdated(session, cause, clock.now(), BATCH)
        forget_networks(session, clock.now())
    with sessions.begin() as session:
        intents, refunds = open_intents(session, BATCH), requested_keys(session)
    closed = cancel_intents(sessions, gateway, intents, cause)
    refunded = _run_each(
        "execute_refund", refunds, lambda key: execute_refund(sessions, gateway, key, cause)
    )
    failed = len(intents) + len(refunds) - closed - refunded
    if expired:
        log.info("orders_expired", extra={"count": expired})
    if outdated:
        log.info("orders_outdated", extra={"count": outdated})
    return JobResult(expired, outdated, closed, refunded, failed)


def cancel_intents(
    sessions: sessionmaker[Session], gateway: Gateway, intents: list[str], cause: Cause
) -> int:
    """Cancel the intents of closed orders at Stripe; return how many calls succeeded.

    A failure is logged. The job tries again until the intent can no longer be paid.
    """
    return _run_each(
        "cancel_intent", intents, lambda key: cancel_order_intent(sessions, gateway, key, cause)
    )


def _run_each(job: str, keys: list[str], function: Callable[[str], None]) -> int:
    """Call the function for each key; return the number of calls that succeeded."""
    succeeded = 0
    for key in keys:
        try:
            function(key)
        except PaymentsError as err:
            log.warning("order_job_failed", extra={"job": job, "key": key, "error": str(err)})
        else:
            succeeded += 1
    return succeeded
