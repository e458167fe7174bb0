"""The checkout service without a web request: orders, reservations and refusals."""

from dataclasses import replace
from datetime import timedelta

import pytest
import transaction
import zope.sqlalchemy
from sqlalchemy import select, update

from bookshop import clock
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.checkout.errors import (
    ConfirmationRequired,
    OrderClosedError,
    TotalChangedError,
    UnavailableError,
    UnknownItemError,
)
from bookshop.checkout.service import Checkout
from bookshop.inventory.reservations import RESERVATION_TIME, OutOfStockError
from bookshop.money import Money
from bookshop.orders.models import Order
from bookshop.payments.errors import IntentMissingError, StripeDownError
from bookshop.payments.intents import IntentStatus, PaymentIntent
from bookshop.rate_limits.limiter import RateLimitExceededError
from bookshop.settings.parsers import Secret
from tests.unit.makers import NOW, TERMS, book

EMAIL = "ada@reader.example"


class FakeGateway:
    """A gateway that keeps PaymentIntents in memory and asserts that no transaction is open."""

    def __init__(self, db):
        self._db = db
        self.intents = {}
        self.keys = {}
        self.error = None

    def check(self):
        if self.error is not None:
            raise self.error

    def create_intent(self, key, amount, reference, description):
        self._assert_no_transaction()
        if key not in self.keys:
            self.keys[key] = f"pi_{len(self.keys) + 1}"
            self._store(self.keys[key], amount, reference)
        return self.intents[self.keys[key]]

    def retrieve_intent(self, intent_id):
        self._assert_no_transaction()
        if intent_id not in self.intents:
            raise IntentMissingError(intent_id)
        return self.intents[intent_id]

    def update_intent(self, intent_id, amount, receipt_email):
        return self.change(intent_id, amount=amount)

    def cancel_intent(self, intent_id, reason):
        return self.change(intent_id, status=IntentStatus.CANCELED, cancellation_reason=reason)

    def change(self, intent_id, **values):
        self._assert_no_transaction()
        self.intents[intent_id] = replace(self.intents[intent_id], **values)
        return self.intents[intent_id]

    def _store(self, intent_id, amount, reference):
        self.intents[intent_id] = PaymentIntent(
            id=intent_id,
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            amount=amount,
            amount_received=0,
            client_secret=Secret(f"{intent_id}_secret"),
            reference=reference,
            livemode=False,
            failure=None,
            checked_at=NOW,
        )

    def _assert_no_transaction(self):
        assert not self._db.in_transaction()


class FakeLimits:
    """Limits that count, and that require a confirmation if a test says so."""

    def __init__(self):
        self.orders = self.payments = 0
        self.confirmation = False
        self.network = "network-1"
        self.max_reservations = 3

    def count_order(self, *, confirmed):
        self.orders += 1
        return confirmed or not self.confirmation

    def count_payment(self):
        self.payments += 1


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def checkout(engine, sessions):
    with sessions.begin() as session:
        session.add(book("MOSS", stock=1))
    transactions = transaction.TransactionManager(explicit=True)
    transactions.begin()
    db = sessions()
    zope.sqlalchemy.register(db, transaction_manager=transactions)
    catalogue = CatalogueQueries(engine, TERMS)
    yield Checkout(db, transactions, FakeGateway(db), catalogue, FakeLimits(), "session-1")
    transactions.abort()


def open_order(checkout, again=None):
    return checkout.open_order("MOSS", again, confirmed=False)


def change_book(checkout, **values):
    checkout.db.execute(update(BookRecord).values(**values))
    commit(checkout)


def commit(checkout):
    checkout.transactions.commit()
    checkout.transactions.begin()


def test_opening_twice_is_one_order_with_one_intent(checkout):
    first, second = open_order(checkout), open_order(checkout)

    assert first.order.number == second.order.number
    assert list(checkout.gateway.intents) == [first.intent.id] == [second.intent.id]
    assert checkout.limits.orders == 1


def test_another_session_has_another_order(checkout):
    other = replace(checkout, session_id="session-2")

    assert open_order(checkout).order.number != open_order(other).order.number


def test_an_unknown_item(checkout):
    with pytest.raises(UnknownItemError):
        checkout.open_order("FERN", None, confirmed=False)


def test_an_item_out_of_stock(checkout):
    change_book(checkout, stock=0)

    with pytest.raises(UnavailableError):
        open_order(checkout)


def test_a_confirmation_is_required_before_there_is_an_intent(checkout):
    checkout.limits.confirmation = True

    with pytest.raises(ConfirmationRequired):
        open_order(checkout)

    assert checkout.gateway.intents == {}
    assert checkout.open_order("MOSS", None, confirmed=True).order.number


def test_nothing_is_counted_while_stripe_is_down(checkout):
    checkout.gateway.error = StripeDownError("open")

    with pytest.raises(StripeDownError):
        open_order(checkout)
    with pytest.raises(StripeDownError):
        checkout.reserve_order("K7QM-2X9T-4BCD", None, EMAIL)

    assert (checkout.limits.orders, checkout.limits.payments) == (0, 0)


def test_an_intent_that_is_missing_at_stripe_is_replaced(checkout):
    lost = open_order(checkout)
    del checkout.gateway.intents[lost.intent.id]

    replaced = open_order(checkout)

    assert replaced.order.number != lost.order.number


def test_a_paid_order_is_closed_and_another_copy_is_another_order(checkout):
    change_book(checkout, stock=2)
    payable = open_order(checkout)
    number, total = payable.order.number, payable.order.total
    checkout.reserve_order(number, None, EMAIL)
    commit(checkout)
    checkout.transactions.abort()
    checkout.gateway.change(
        payable.intent.id, status=IntentStatus.SUCCEEDED, amount_received=total.amount
    )
    checkout.transactions.begin()

    with pytest.raises(OrderClosedError) as closed:
        open_order(checkout)

    assert (closed.value.order.number, closed.value.order.status) == (number, "paid")
    assert open_order(checkout, again=number).order.number != number


def test_reserving_sets_the_email_and_an_end(checkout):
    payable = open_order(checkout)

    reservation = checkout.reserve_order(payable.order.number, payable.order.revision, EMAIL)

    assert (reservation.number, reservation.until) == (
        payable.order.number,
        NOW + RESERVATION_TIME,
    )
    order = checkout.db.scalars(select(Order)).one()
    assert (order.email, order.stock_reserved) == (EMAIL, True)
    assert checkout.limits.payments == 1


def test_the_last_copy_is_reserved_once(checkout):
    other = replace(checkout, session_id="session-2")
    first, second = open_order(checkout), open_order(other)
    checkout.reserve_order(first.order.number, None, EMAIL)

    with pytest.raises(OutOfStockError):
        other.reserve_order(second.order.number, None, EMAIL)


def test_an_order_of_another_session_cannot_be_reserved_or_resumed(checkout):
    number = open_order(checkout).order.number
    other = replace(checkout, session_id="session-2")

    for attempt in (
        lambda: other.resume_order(number),
        lambda: other.reserve_order(number, None, EMAIL),
    ):
        with pytest.raises(OrderClosedError) as closed:
            attempt()
        assert closed.value.order is None


def test_another_revision_is_a_changed_total(checkout):
    payable = open_order(checkout)

    with pytest.raises(TotalChangedError):
        checkout.reserve_order(payable.order.number, payable.order.revision + 1, EMAIL)


def test_a_lapsed_order_is_replaced_and_its_intent_cancelled(checkout, monkeypatch):
    payable = open_order(checkout)
    checkout.reserve_order(payable.order.number, None, EMAIL)
    commit(checkout)
    later = NOW + RESERVATION_TIME + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    reopened = open_order(checkout)

    assert reopened.order.number != payable.order.number
    assert checkout.gateway.intents[payable.intent.id].status is IntentStatus.CANCELED
    assert reopened.order.total == Money(999, "GBP")


def change_price(checkout, amount):
    checkout.db.execute(update(ListingRecord).values(amount=amount))
    commit(checkout)


def test_a_book_that_is_not_for_sale_cannot_be_reserved_though_it_is_in_stock(checkout):
    payable = open_order(checkout)
    checkout.db.execute(update(ListingRecord).values(state="wait"))
    commit(checkout)

    with pytest.raises(UnavailableError, match=payable.order.lines[0].title):
        checkout.reserve_order(payable.order.number, None, EMAIL)


def test_the_price_is_checked_each_time_pay_is_pressed(checkout):
    payable = open_order(checkout)
    checkout.reserve_order(payable.order.number, None, EMAIL)
    change_price(checkout, 1299)

    with pytest.raises(TotalChangedError):
        checkout.reserve_order(payable.order.number, None, EMAIL)

    commit(checkout)
    assert checkout.gateway.intents[payable.intent.id].status is IntentStatus.CANCELED
    assert checkout.db.scalars(select(BookRecord.reserved)).one() == 0
    commit(checkout)
    reopened = open_order(checkout)
    assert reopened.order.number != payable.order.number
    assert reopened.order.total == reopened.intent.amount == Money(1299, "GBP")


def test_a_payment_made_before_the_price_changed_is_not_lost_at_the_next_press(checkout):
    payable = open_order(checkout)
    checkout.reserve_order(payable.order.number, None, EMAIL)
    commit(checkout)
    checkout.transactions.abort()
    paid = {"status": IntentStatus.SUCCEEDED, "amount_received": 999}
    intent = checkout.gateway.change(payable.intent.id, **paid)
    checkout.gateway.change = lambda *_arguments, **_values: intent
    checkout.transactions.begin()
    change_price(checkout, 1299)

    with pytest.raises(OrderClosedError) as closed:
        checkout.reserve_order(payable.order.number, None, EMAIL)

    assert closed.value.order.status == "paid"


def test_a_page_that_shows_a_new_price_has_it_in_its_intent(checkout):
    first = open_order(checkout)
    change_price(checkout, 1299)

    second = open_order(checkout)

    assert second.order.number == first.order.number
    assert second.order.total == second.intent.amount == Money(1299, "GBP")
    assert checkout.gateway.intents[first.intent.id].amount == Money(1299, "GBP")


def test_an_intent_whose_new_price_did_not_reach_stripe_gets_it_at_the_next_visit(
    checkout, monkeypatch
):
    def refuse(*_arguments):
        raise StripeDownError("open")

    first = open_order(checkout)
    change_price(checkout, 1299)
    with monkeypatch.context() as patched:
        patched.setattr(checkout.gateway, "update_intent", refuse)
        with pytest.raises(StripeDownError):
            open_order(checkout)
    checkout.transactions.abort()
    checkout.transactions.begin()

    assert open_order(checkout).intent.amount == Money(1299, "GBP")
    assert checkout.gateway.intents[first.intent.id].amount == Money(1299, "GBP")


def test_a_network_that_holds_too_many_copies_reserves_no_more(checkout):
    change_book(checkout, stock=100)
    for number in range(checkout.limits.max_reservations):
        other = replace(checkout, session_id=f"session {number}")
        other.reserve_order(open_order(other).order.number, None, EMAIL)
        commit(checkout)
    number = open_order(checkout).order.number

    with pytest.raises(RateLimitExceededError):
        checkout.reserve_order(number, None, EMAIL)
