"""Compares Stripe with the orders, repairs what is safe, and names what a person has to look at.

It may run beside live traffic, and as often as one likes. No transaction is open while Stripe is
asked; what agrees is only read, and each repair is a short transaction of its own, under the
order's lock. What is done stays done if Stripe falls silent in the middle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased, sessionmaker

from bookshop import clock
from bookshop.money import Money
from bookshop.orders.audit import Cause
from bookshop.orders.jobs import BATCH
from bookshop.orders.models import DisputeRecord, Order, RefundRecord
from bookshop.orders.number import read_number
from bookshop.orders.payment.expiry import (
    cancel_order_intent,
    expire_abandoned,
    expire_lapsed,
    open_intents,
    overdue,
)
from bookshop.orders.payment.intents import MISSING, cancel_intent
from bookshop.orders.payment.sync import record_fraud_warnings, sync_payment
from bookshop.orders.refunds.execution import execute_with_retry
from bookshop.orders.refunds.requests import DISPUTED_STATUSES, LocalRefundStatus
from bookshop.orders.states import Actor
from bookshop.payments.charges import Dispute, FraudWarning, Refund, RefundStatus
from bookshop.payments.errors import (
    IntentMissingError,
    PaymentsError,
    StripeRefusedError,
    StripeUnavailableError,
)
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import IntentStatus, PaymentIntent
from bookshop.reconciliation.differences import (
    Difference,
    End,
    Facts,
    Kind,
    agree,
    amount_in_words,
    contradiction,
    facts_of,
    in_words,
    kept,
)

CAUSE = Cause(Actor.CLOCK, "reconcile")
ON_ITS_WAY = frozenset(status.value for status in RefundStatus if status.counts)


@dataclass
class Report:
    """What was looked at (how many of each kind), how many orders expired, and what differs.

    `unfinished` is why Stripe could not be asked to the end, None where it could.
    """

    checked: Counter[str] = field(default_factory=Counter)
    expired: int = 0
    differences: list[Difference] = field(default_factory=list)
    unfinished: str | None = None

    @property
    def left(self) -> int:
        """How many differences are still there."""
        return sum(difference.end is not End.REPAIRED for difference in self.differences)


@dataclass(frozen=True)
class Databases:
    """One database, twice: for reading, which waits for nobody, and for writing."""

    reading: sessionmaker[Session]
    writing: sessionmaker[Session]


def reconcile(
    databases: Databases,
    gateway: Gateway,
    since: datetime,
    watch: Callable[[str], None],
    *,
    dry_run: bool,
) -> Report:
    """Compare what Stripe has made at `since` or later with the orders.

    With `dry_run` nothing is changed, here or there. `watch` is told of each thing looked at.
    """
    run = _Run(databases, gateway, since, watch, dry_run=dry_run)
    run.go()
    return run.report


class _Run:
    def __init__(
        self,
        databases: Databases,
        gateway: Gateway,
        since: datetime,
        watch: Callable[[str], None],
        *,
        dry_run: bool,
    ) -> None:
        self._reading, self._writing = databases.reading, databases.writing
        self._gateway = gateway
        self._since, self._began = since, clock.now()
        self._watch = watch
        self._dry_run = dry_run
        self._met: set[str] = set()
        self.report = Report()

    def go(self) -> None:
        try:
            self._walk()
        except PaymentsError as err:
            self.report.unfinished = str(err)
        # Only now: whoever has paid in time must not be told that the order has expired.
        self._expire()
        if self.report.unfinished is None:
            try:
                self._close_intents()
                self._make_refunds()
            except StripeUnavailableError as err:
                self.report.unfinished = str(err)
        self._look_for_debts()

    # --- what Stripe has

    def _walk(self) -> None:
        for intent in self._gateway.intents(self._since):
            self._count("intents")
            self._met.add(intent.id)
            self._compare(intent)
        for refund in self._gateway.refunds(self._since):
            self._count("refunds")
            self._follow(refund, RefundRecord)
        for dispute in self._gateway.disputes(self._since):
            self._count("disputes")
            self._follow(dispute, DisputeRecord)
        for warning in self._gateway.all_fraud_warnings(self._since):
            self._count("warnings")
            self._heed(warning)
        for number, intent_id in self._not_met():
            self._count("orders")
            self._fetch(number, intent_id)

    def _compare(self, intent: PaymentIntent) -> None:
        with self._reading() as session:
            owner = session.scalar(select(Order).where(Order.payment_intent == intent.id))
            named = session.scalar(select(Order).where(Order.number == intent.reference))
            order = owner or named
            number = order.number if order else None
            fine = order is not None and agree(order, facts_of(session, order), intent)
            wrong = contradiction(order, intent) if order else None
            second = owner is None and named is not None and named.payment_intent is not None
            elsewhere = owner is not None and named is not None and named is not owner
        if number is None:
            self._unknown(intent)
        elif second:
            self._second(number, intent)
        elif wrong:
            if not elsewhere:
                self._settle(number, intent)  # marks the order
            if intent.open or kept(intent):
                self._leave(number, intent.id, Kind.CONTRADICTION, wrong)
        elif not fine:
            self._settle(number, intent)

    def _settle(self, number: str, intent: PaymentIntent) -> None:
        with self._writing() as session:
            wanted = select(Order).where(Order.number == number).with_for_update()
            order = session.scalars(wanted).one()
            before = facts_of(session, order)
            sync_payment(session, intent, CAUSE, clock.now())
            after = facts_of(session, order)
            self._end(session)
        for kind, text in in_words(before, after):
            self._add(number, intent.id, kind, text)

    def _second(self, number: str, intent: PaymentIntent) -> None:
        """An intent that names an order which has another one."""
        if intent.open:
            if not self._dry_run:
                intent = cancel_intent(self._gateway, intent.id, "duplicate")
            if intent.open or intent.status is IntentStatus.CANCELED:
                text = f"a second PaymentIntent could be paid, {intent.id}"
                self._add(number, intent.id, Kind.SECOND_INTENT, text)
                return
        if money := kept(intent):
            self._settle(number, intent)  # marks the order
            text = f"a second payment has brought in {amount_in_words(money)}: {intent.id}"
            self._leave(number, intent.id, Kind.SECOND_PAYMENT, text)
        elif intent.status is IntentStatus.PROCESSING:
            text = f"a second payment is in process: {intent.id}"
            self._leave(number, intent.id, Kind.SECOND_PAYMENT, text)

    def _unknown(self, intent: PaymentIntent) -> None:
        """An intent of no order here; other software that uses the account numbers otherwise."""
        number, money = intent.reference, kept(intent)
        if number is not None and money is not None and read_number(number) == number:
            text = f"{amount_in_words(money)} were paid for it, and there is no such order here"
            self._leave(number, intent.id, Kind.UNKNOWN_ORDER, text)

    def _follow(self, word: Refund | Dispute, table: type[RefundRecord | DisputeRecord]) -> None:
        """What became of a payment that was made before: asked about where that is news."""
        if word.intent_id is None or word.intent_id in self._met:
            return
        with self._reading() as session:
            owner = select(Order.number).where(Order.payment_intent == word.intent_id)
            number = session.scalar(owner)
            known = session.scalar(select(table.status).where(table.stripe_id == word.id))
        if number is not None and known != word.status.value:
            self._fetch(number, word.intent_id)

    def _fetch(self, number: str, intent_id: str) -> None:
        self._met.add(intent_id)
        try:
            intent = self._gateway.retrieve_intent(intent_id)
        except IntentMissingError:
            text = "Stripe does not know its PaymentIntent: was it made with other keys?"
            self._leave(number, intent_id, Kind.MISSING_INTENT, text)
        else:
            self._compare(intent)

    def _heed(self, warning: FraudWarning) -> None:
        with self._reading() as session:
            unwarned = select(Order.number).where(
                Order.payment_intent == warning.intent_id, Order.warned_at.is_(None)
            )
            number = session.scalar(unwarned)
        if number is not None and warning.intent_id is not None:
            with self._writing() as session:
                record_fraud_warnings(session, warning.intent_id, [warning], CAUSE, clock.now())
                self._end(session)
            text = "its bank takes the payment for fraud, which is not known here"
            self._add(number, warning.intent_id, Kind.WARNING, text)

    # --- what the shop has

    def _not_met(self) -> list[tuple[str, str]]:
        """The orders of that time whose intents Stripe has not shown: numbers and ids."""
        wanted = (
            select(Order.number, Order.payment_intent)
            .where(
                Order.placed_at >= self._since,
                Order.placed_at < self._began,
                Order.intent_status.is_distinct_from(MISSING),
            )
            .order_by(Order.id)
        )
        with self._reading() as session:
            found = session.execute(wanted).all()
        return [(number, intent) for number, intent in found if intent and intent not in self._met]

    def _expire(self) -> None:
        with self._reading() as session:
            due = overdue(session, clock.now())
        if self._dry_run or not due:
            self.report.expired = due
            return
        with self._writing.begin() as session:
            self.report.expired = expire_lapsed(session, CAUSE, clock.now())
        expired = BATCH
        while expired == BATCH:
            with self._writing.begin() as session:
                expired = expire_abandoned(session, CAUSE, clock.now(), BATCH)
            self.report.expired += expired

    def _close_intents(self) -> None:
        """Make sure that nobody pays for an order that is over."""
        with self._reading() as session:
            intents = open_intents(session)
        for intent_id in intents:
            self._watch("intents to close")
            number, before, _known = self._stands(intent_id)
            close = partial(cancel_order_intent, self._writing, self._gateway, intent_id, CAUSE)
            refusal = self._do(close)
            _number, after, known = self._stands(intent_id)
            if refusal is not None:
                text = f"{before.status} here, and Stripe does not cancel its intent: {refusal}"
                self._leave(number, intent_id, Kind.OPEN_INTENT, text)
            elif told := list(in_words(before, after)):
                for kind, text in told:
                    self._add(number, intent_id, kind, text)
            elif known:
                text = f"{before.status} here, and could still be paid at Stripe"
                self._add(number, intent_id, Kind.OPEN_INTENT, text)

    def _stands(self, intent_id: str) -> tuple[str, Facts, bool]:
        """The order of that intent: number and facts, and whether Stripe knows the intent."""
        with self._reading() as session:
            wanted = select(Order).where(Order.payment_intent == intent_id)
            order = session.scalars(wanted).one()
            return order.number, facts_of(session, order), order.intent_status != MISSING

    def _make_refunds(self) -> None:
        """Carry out the refunds that were asked for; what becomes of a refusal is told as debt."""
        wanted = select(RefundRecord).where(RefundRecord.status == LocalRefundStatus.REQUESTED)
        for refund, order in self._refunds(wanted):
            self._watch("refunds to make")
            key = refund.key or ""
            refusal = self._do(
                partial(execute_with_retry, self._writing, self._gateway, key, CAUSE)
            )
            with self._reading() as session:
                status = session.scalar(select(RefundRecord.status).filter_by(key=key))
            text = f"{_amount(refund, order)} were asked back, and not given yet"
            if refusal is not None:
                self._leave(
                    order.number, order.payment_intent, Kind.REFUND_WAITING, f"{text}: {refusal}"
                )
            elif self._dry_run or status in ON_ITS_WAY:
                self._add(order.number, order.payment_intent, Kind.REFUND_WAITING, text)

    def _look_for_debts(self) -> None:
        """Refunds that came to nothing, where nobody has tried again since."""
        later = aliased(RefundRecord)
        again = select(later.id).where(
            later.order_id == RefundRecord.order_id, later.id > RefundRecord.id
        )
        wanted = select(RefundRecord).where(
            RefundRecord.status.not_in([*ON_ITS_WAY, LocalRefundStatus.REQUESTED]),
            RefundRecord.requested_at >= self._since,
            Order.refunded < Order.total,
            Order.status.not_in(DISPUTED_STATUSES),
            ~again.exists(),
        )
        for refund, order in self._refunds(wanted):
            end = (
                "Stripe refused it"
                if refund.status == LocalRefundStatus.REFUSED
                else "it came back"
            )
            why = f" ({refund.problem})" if refund.problem else ""
            text = f"{_amount(refund, order)} were to go back to the customer, and {end}{why}"
            self._leave(order.number, order.payment_intent, Kind.MONEY_OWED, text)

    def _refunds(self, wanted: Select[RefundRecord]) -> list[tuple[RefundRecord, Order]]:
        with_orders = (
            wanted.join(Order, Order.id == RefundRecord.order_id)
            .add_columns(Order)
            .order_by(RefundRecord.id)
        )
        with self._reading() as session:
            return list(session.execute(with_orders))

    # ---

    def _count(self, what: str) -> None:
        self.report.checked[what] += 1
        self._watch(what)

    def _add(self, order: str, intent: str | None, kind: Kind, text: str) -> None:
        """Something that is repaired, unless this is a dry run."""
        end = End.REPAIRABLE if self._dry_run else End.REPAIRED
        self.report.differences.append(Difference(order, intent, kind, text, end))

    def _leave(self, order: str, intent: str | None, kind: Kind, text: str) -> None:
        """Something that is left to a person."""
        self.report.differences.append(Difference(order, intent, kind, text, End.LEFT))

    def _do(self, act: Callable[[], None]) -> str | None:
        """Have Stripe do something, unless this is a dry run; why it refuses, if it does."""
        if not self._dry_run:
            try:
                act()
            except StripeRefusedError as err:
                return str(err)
        return None

    def _end(self, session: Session) -> None:
        if self._dry_run:
            session.rollback()
        else:
            session.commit()


def _amount(refund: RefundRecord, order: Order) -> str:
    return amount_in_words(Money(refund.amount, order.currency))
