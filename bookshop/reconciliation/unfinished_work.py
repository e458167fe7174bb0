"""Finishes pending work: expires orders, cancels their intents, executes requested refunds."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Select, select
from sqlalchemy.orm import aliased

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.jobs import BATCH
from bookshop.orders.models import INTENT_MISSING, Order, RefundRecord
from bookshop.orders.payment.expiry import (
    cancel_order_intent,
    expire_abandoned,
    expire_lapsed,
    open_intents,
    overdue,
)
from bookshop.orders.refund_records import COUNTED_STATUSES, LocalRefundStatus
from bookshop.orders.refunds.execution import execute_with_retry
from bookshop.orders.states import BANK_DECIDES
from bookshop.reconciliation.descriptions import describe_changes, format_amount
from bookshop.reconciliation.facts import OrderFacts, read_facts
from bookshop.reconciliation.findings import FindingCode
from bookshop.reconciliation.run import CAUSE, Run


def expire_orders(run: Run) -> None:
    """Expire the orders that were not paid in time."""
    with run.databases.reading() as session:
        due = overdue(session, clock.now())
    if run.dry_run or not due:
        run.report.expired = due
        return
    writing = run.databases.writing
    with writing.begin() as session:
        run.report.expired = expire_lapsed(session, CAUSE, clock.now())
    expired = BATCH
    while expired == BATCH:
        with writing.begin() as session:
            expired = expire_abandoned(session, CAUSE, clock.now(), BATCH)
        run.report.expired += expired


def cancel_open_intents(run: Run) -> None:
    """Cancel the intents with which closed orders could still be paid."""
    with run.databases.reading() as session:
        intents = open_intents(session)
    for intent_id in intents:
        run.on_progress("intents to cancel")
        number, before, _exists = _read_order(run, intent_id)
        cancel = partial(cancel_order_intent, run.databases.writing, run.gateway, intent_id, CAUSE)
        refusal = run.attempt(cancel)
        _number, after, exists = _read_order(run, intent_id)
        if refusal is not None:
            text = (
                f"{before.status} here, but Stripe refused to cancel its PaymentIntent: {refusal}"
            )
            run.add_unresolved(number, intent_id, FindingCode.OPEN_INTENT, text)
        elif changes := describe_changes(before, after):
            for code, text in changes:
                run.add_repaired(number, intent_id, code, text)
        elif exists:
            text = f"{before.status} here, but its PaymentIntent could still be paid"
            run.add_repaired(number, intent_id, FindingCode.OPEN_INTENT, text)


def execute_refunds(run: Run) -> None:
    """Execute the refunds that were requested. `report_failed_refunds` reports refusals."""
    requested = select(RefundRecord).where(RefundRecord.status == LocalRefundStatus.REQUESTED)
    for refund, order in _with_orders(run, requested):
        run.on_progress("refunds to execute")
        key = refund.key or ""
        refusal = run.attempt(
            partial(execute_with_retry, run.databases.writing, run.gateway, key, CAUSE)
        )
        with run.databases.reading() as session:
            status = session.scalar(select(RefundRecord.status).filter_by(key=key))
        number, intent_id, code = order.number, order.payment_intent, FindingCode.REFUND_PENDING
        text = f"refund of {_amount(refund, order)} requested, not executed"
        if refusal is not None:
            run.add_unresolved(number, intent_id, code, f"{text}: {refusal}")
        elif run.dry_run or status in COUNTED_STATUSES:
            run.add_repaired(number, intent_id, code, text)


def report_failed_refunds(run: Run) -> None:
    """Report refunds that failed or were refused and have not been retried since."""
    later = aliased(RefundRecord)
    retried = select(later.id).where(
        later.order_id == RefundRecord.order_id, later.id > RefundRecord.id
    )
    failed = select(RefundRecord).where(
        RefundRecord.status.not_in([*COUNTED_STATUSES, LocalRefundStatus.REQUESTED]),
        RefundRecord.requested_at >= run.since,
        Order.refunded < Order.total,
        Order.status.not_in(BANK_DECIDES),
        ~retried.exists(),
    )
    for refund, order in _with_orders(run, failed):
        refused = refund.status == LocalRefundStatus.REFUSED
        outcome = "refused by Stripe" if refused else "failed"
        reason = f": {refund.problem}" if refund.problem else ""
        text = f"refund of {_amount(refund, order)} {outcome}{reason}"
        code = FindingCode.REFUND_FAILED
        run.add_unresolved(order.number, order.payment_intent, code, text)


def _read_order(run: Run, intent_id: str) -> tuple[str, OrderFacts, bool]:
    """Return the number and facts of an intent's order; True if the intent exists at Stripe."""
    with run.databases.reading() as session:
        query = select(Order).where(Order.payment_intent == intent_id)
        order = session.scalars(query).one()
        return order.number, read_facts(session, order), order.intent_status != INTENT_MISSING


def _with_orders(run: Run, refunds: Select[RefundRecord]) -> list[tuple[RefundRecord, Order]]:
    query = (
        refunds.join(Order, Order.id == RefundRecord.order_id)
        .add_columns(Order)
        .order_by(RefundRecord.id)
    )
    with run.databases.reading() as session:
        return [(refund, order) for refund, order in session.execute(query)]


def _amount(refund: RefundRecord, order: Order) -> str:
    return format_amount(Money(refund.amount, order.currency))
