"""Compares the objects at Stripe with the orders, and synchronises orders that differ."""

from __future__ import annotations

from sqlalchemy import select

from bookshop import clock
from bookshop.orders.models import INTENT_MISSING, DisputeRecord, Order, RefundRecord
from bookshop.orders.number import read_number
from bookshop.orders.payment.intents import cancel_intent
from bookshop.orders.payment.sync import record_fraud_warnings, sync_payment
from bookshop.payments.charges import Dispute, FraudWarning, Refund
from bookshop.payments.errors import IntentMissingError
from bookshop.payments.intents import IntentStatus, PaymentIntent
from bookshop.reconciliation.comparison import differences, unrefunded_amount
from bookshop.reconciliation.descriptions import (
    describe_changes,
    describe_mismatch,
    format_amount,
)
from bookshop.reconciliation.facts import read_facts
from bookshop.reconciliation.findings import FindingCode
from bookshop.reconciliation.run import CAUSE, Run


class StripeObjects:
    """The comparison of one run; it compares each PaymentIntent once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._reading, self._writing = run.databases.reading, run.databases.writing
        self._compared: set[str] = set()  # ids of PaymentIntents

    def compare(self) -> None:
        """Compare the objects created in the run's period. Raises the errors of Gateway."""
        run, gateway = self._run, self._run.gateway
        for intent in gateway.list_intents(run.since):
            run.count("intents")
            self._compared.add(intent.id)
            self._compare_intent(intent)
        for refund in gateway.list_refunds(run.since):
            run.count("refunds")
            self._compare_older_payment(refund, RefundRecord)
        for dispute in gateway.list_disputes(run.since):
            run.count("disputes")
            self._compare_older_payment(dispute, DisputeRecord)
        for warning in gateway.list_fraud_warnings(run.since):
            run.count("warnings")
            self._record_fraud_warning(warning)
        for number, intent_id in self._orders_not_compared():
            run.count("orders")
            self._retrieve_and_compare(number, intent_id)

    def _compare_intent(self, intent: PaymentIntent) -> None:
        with self._reading() as session:
            owner = session.scalar(select(Order).where(Order.payment_intent == intent.id))
            named = session.scalar(select(Order).where(Order.number == intent.reference))
            order = owner or named
            if order is None:
                self._report_unknown_order(intent)
                return
            number = order.number
            in_sync = not differences(order, read_facts(session, order), intent)
            mismatch = describe_mismatch(order, intent)
            is_second = owner is None and order.payment_intent is not None
            names_another = owner is not None and named is not None and named is not owner
        if is_second:
            self._resolve_second_intent(number, intent)
        elif mismatch:
            if not names_another:
                self._sync(number, intent)  # marks the order
            if intent.open or unrefunded_amount(intent):
                code = FindingCode.PAYMENT_MISMATCH
                self._run.add_unresolved(number, intent.id, code, mismatch)
        elif not in_sync:
            self._repair(number, intent)

    def _repair(self, number: str, intent: PaymentIntent) -> None:
        """Synchronise the order, and report what of Stripe's data could not be recorded."""
        changes, left = self._sync(number, intent)
        if left:  # the page of the list may be outdated by now
            newer, left = self._sync(number, self._run.gateway.retrieve_intent(intent.id))
            changes = list(dict.fromkeys([*changes, *newer]))
        for code, text in changes:
            self._run.add_repaired(number, intent.id, code, text)
        if left:
            text = f"differs from Stripe and could not be changed: {', '.join(left)}"
            self._run.add_unresolved(number, intent.id, FindingCode.NOT_RECORDED, text)

    def _sync(
        self, number: str, intent: PaymentIntent
    ) -> tuple[list[tuple[FindingCode, str]], list[str]]:
        """Synchronise the order. Return what changed, and the facts that still differ."""
        with self._writing() as session:
            query = select(Order).where(Order.number == number).with_for_update()
            order = session.scalars(query).one()
            before = read_facts(session, order)
            sync_payment(session, intent, CAUSE, clock.now())
            after = read_facts(session, order)
            left = differences(order, after, intent)
            self._run.finish(session)
        return describe_changes(before, after), left

    def _resolve_second_intent(self, number: str, intent: PaymentIntent) -> None:
        """Cancel an intent that names an order which has another one, or report its payment."""
        run = self._run
        if intent.open:
            if not run.dry_run:
                intent = cancel_intent(run.gateway, intent.id, "duplicate")
            if intent.open or intent.status is IntentStatus.CANCELED:
                text = f"second PaymentIntent {intent.id} could be paid"
                run.add_repaired(number, intent.id, FindingCode.SECOND_INTENT, text)
                return
        if amount := unrefunded_amount(intent):
            self._sync(number, intent)  # marks the order
            text = f"second payment of {format_amount(amount)} received: {intent.id}"
            run.add_unresolved(number, intent.id, FindingCode.SECOND_PAYMENT, text)
        elif intent.status is IntentStatus.PROCESSING:
            text = f"second payment processing: {intent.id}"
            run.add_unresolved(number, intent.id, FindingCode.SECOND_PAYMENT, text)

    def _report_unknown_order(self, intent: PaymentIntent) -> None:
        """Report a payment for an order of ours that does not exist.

        Other software may use the same account; its references are not order numbers.
        """
        number, amount = intent.reference, unrefunded_amount(intent)
        if number is not None and amount is not None and read_number(number) == number:
            text = f"{format_amount(amount)} paid at Stripe, no such order here"
            self._run.add_unresolved(number, intent.id, FindingCode.UNKNOWN_ORDER, text)

    def _compare_older_payment(
        self, stripe_object: Refund | Dispute, table: type[RefundRecord | DisputeRecord]
    ) -> None:
        """Compare the payment of a refund or dispute if its status is not recorded."""
        intent_id = stripe_object.intent_id
        if intent_id is None or intent_id in self._compared:
            return
        with self._reading() as session:
            number = session.scalar(select(Order.number).where(Order.payment_intent == intent_id))
            recorded = session.scalar(
                select(table.status).where(table.stripe_id == stripe_object.id)
            )
        if number is not None and recorded != stripe_object.status.value:
            self._retrieve_and_compare(number, intent_id)

    def _retrieve_and_compare(self, number: str, intent_id: str) -> None:
        self._compared.add(intent_id)
        try:
            intent = self._run.gateway.retrieve_intent(intent_id)
        except IntentMissingError:
            text = f"no PaymentIntent {intent_id} at Stripe; was it created with other keys?"
            self._run.add_unresolved(number, intent_id, FindingCode.MISSING_INTENT, text)
        else:
            self._compare_intent(intent)

    def _record_fraud_warning(self, warning: FraudWarning) -> None:
        with self._reading() as session:
            unmarked = select(Order.number).where(
                Order.payment_intent == warning.intent_id, Order.fraud_warned_at.is_(None)
            )
            number = session.scalar(unmarked)
        if number is not None and warning.intent_id is not None:
            with self._writing() as session:
                record_fraud_warnings(session, warning.intent_id, [warning], CAUSE, clock.now())
                self._run.finish(session)
            text = "early fraud warning at Stripe, not recorded here"
            self._run.add_repaired(number, warning.intent_id, FindingCode.FRAUD_WARNING, text)

    def _orders_not_compared(self) -> list[tuple[str, str]]:
        """Return number and intent of the period's orders whose intents Stripe did not list."""
        query = (
            select(Order.number, Order.payment_intent)
            .where(
                Order.placed_at >= self._run.since,
                Order.placed_at < self._run.started_at,
                Order.intent_status.is_distinct_from(INTENT_MISSING),
            )
            .order_by(Order.id)
        )
        with self._reading() as session:
            orders = session.execute(query).all()
        return [
            (number, intent_id)
            for number, intent_id in orders
            if intent_id and intent_id not in self._compared
        ]
