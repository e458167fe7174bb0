"""Money for an order without a reservation is judged as a new order would be."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from bookshop.catalogue.models import BookRecord, CatalogueState, ListingRecord
from bookshop.catalogue.terms.availability import SaleState
from bookshop.inventory.reservations import MAX_RESERVATION_TIME, RESERVATION_TIME, reserve
from bookshop.mail.models import MailRecord
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause
from bookshop.orders.models import AuditEntry, RefundRecord
from bookshop.orders.offers import find_rejection
from bookshop.orders.payment.expiry import cancel_outdated, expire_lapsed, open_intents
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import Actor, OrderStatus, Rejection
from bookshop.payments.intents import IntentStatus
from tests.unit.makers import NOW, book, charge, intent_of, order

EVENT = Cause(Actor.STRIPE, "evt_1")
SUCCEEDED, PROCESSING = IntentStatus.SUCCEEDED, IntentStatus.PROCESSING
PRICE, NEW_PRICE = 999, 1299
OTHER_CURRENCY = "1 USD GB Etc/gbp-GBP"  # of the listings; the name of the zone is not one
LATER = NOW + timedelta(minutes=3)


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def place(session, stock=5, **values):
    item = book("MOSS", stock=stock)
    made = order(item, price=PRICE, email="ada@reader.example", **values)
    session.add_all([item, made])
    session.flush()
    return made


def change_listing(session, **values):
    session.execute(update(ListingRecord).values(**values))


def withdraw(session):
    session.execute(delete(ListingRecord))


def pay(session, made, status=SUCCEEDED, now=LATER, **values):
    sync_payment(session, intent_of(made, status, checked_at=now, **values), EVENT, now)
    session.flush()


def refunds(session, made):
    query = select(RefundRecord.key, RefundRecord.amount, RefundRecord.status)
    return [tuple(row) for row in session.execute(query.where(RefundRecord.order_id == made.id))]


def mails(session, made):
    return list(session.scalars(select(MailRecord.kind).where(MailRecord.order_id == made.id)))


def events(session, made):
    query = select(AuditEntry.event, AuditEntry.detail).where(
        AuditEntry.order_id == made.id, AuditEntry.event == "payment_rejected"
    )
    return [tuple(row) for row in session.execute(query)]


def assert_rejected(session, made, reason, copies):
    assert (made.status, made.rejection, made.accepted) == (OrderStatus.PAID, reason, False)
    assert refunds(session, made) == [(f"{made.number}/{reason}", made.total, "requested")]
    assert mails(session, made) == ["rejected"]
    assert events(session, made) == [("payment_rejected", {"reason": reason})]
    assert copies(session, "MOSS") == (5, 0)


def test_money_for_an_order_never_reserved_is_kept_while_the_offer_is_the_same(session, copies):
    made = place(session)

    pay(session, made)

    assert (made.status, made.rejection, made.accepted) == (OrderStatus.PAID, None, True)
    assert refunds(session, made) == []
    assert mails(session, made) == ["paid"]
    assert copies(session, "MOSS") == (4, 0)


def test_money_for_an_order_never_reserved_is_refunded_when_the_price_has_changed(session, copies):
    made = place(session)
    change_listing(session, amount=NEW_PRICE)

    pay(session, made)

    assert_rejected(session, made, "price_changed", copies)


def test_money_for_an_order_never_reserved_is_refunded_when_the_book_left(session, copies):
    made = place(session)
    withdraw(session)

    pay(session, made)

    assert_rejected(session, made, "not_for_sale", copies)


@pytest.mark.parametrize("state", sorted(set(SaleState) - {SaleState.BUY, SaleState.PREORDER}))
def test_money_for_an_order_never_reserved_is_refunded_when_the_book_is_not_for_sale(
    session, copies, state
):
    made = place(session)
    change_listing(session, state=state.value)

    pay(session, made)

    assert_rejected(session, made, "not_for_sale", copies)


def test_money_for_an_order_never_reserved_is_refunded_when_the_last_copy_is_sold(session):
    made = place(session, stock=0)

    pay(session, made)

    assert (made.out_of_stock, made.rejection) == (True, None)
    assert refunds(session, made) == [(f"{made.number}/out_of_stock", PRICE, "requested")]
    assert mails(session, made) == ["sold_out"]


def test_the_same_number_in_another_currency_is_another_price(session):
    made = place(session)
    session.execute(update(CatalogueState).values(built_for=OTHER_CURRENCY))

    assert find_rejection(session, made) is Rejection.PRICE_CHANGED


def test_money_within_a_reservation_is_kept_at_its_price(session, copies):
    made = place(session)
    reserve(session, made, NOW)
    change_listing(session, amount=NEW_PRICE)

    pay(session, made)

    assert (made.rejection, made.total) == (None, PRICE)
    assert copies(session, "MOSS") == (4, 0)


def test_money_after_the_reservation_was_released_is_kept_until_its_absolute_end(session, copies):
    made = place(session)
    reserve(session, made, NOW)
    expired_at = NOW + RESERVATION_TIME + timedelta(seconds=1)
    assert expire_lapsed(session, JOB_WORKER, expired_at) == 1
    change_listing(session, amount=NEW_PRICE)

    pay(session, made, now=NOW + MAX_RESERVATION_TIME)

    assert (made.status, made.rejection) == (OrderStatus.PAID, None)
    assert copies(session, "MOSS") == (4, 0)


def test_money_after_the_absolute_end_of_a_reservation_is_judged(session, copies):
    made = place(session)
    reserve(session, made, NOW)
    change_listing(session, amount=NEW_PRICE)

    pay(session, made, now=NOW + MAX_RESERVATION_TIME + timedelta(seconds=1))

    assert_rejected(session, made, "price_changed", copies)
    assert not made.stock_reserved


def test_a_reservation_made_while_the_clock_was_ahead_fixes_no_total(session, copies):
    made = place(session)
    reserve(session, made, NOW + timedelta(days=2))
    change_listing(session, amount=NEW_PRICE)

    pay(session, made, now=NOW)

    assert_rejected(session, made, "price_changed", copies)


def test_a_bank_debit_without_a_reservation_reserves_what_is_still_offered(session, copies):
    made = place(session)

    pay(session, made, PROCESSING)
    assert copies(session, "MOSS") == (5, 1)
    change_listing(session, amount=NEW_PRICE)
    pay(session, made, now=NOW + timedelta(days=5))

    assert (made.status, made.rejection) == (OrderStatus.PAID, None)


def test_a_bank_debit_at_an_old_price_reserves_nothing_and_is_refunded(session, copies):
    made = place(session)
    change_listing(session, amount=NEW_PRICE)

    pay(session, made, PROCESSING)
    assert (made.status, copies(session, "MOSS")) == (OrderStatus.PROCESSING, (5, 0))
    pay(session, made, now=NOW + timedelta(days=5))

    assert_rejected(session, made, "price_changed", copies)


def test_an_intent_with_the_price_before_the_last_one_is_refunded_in_full(session, copies):
    """The order was changed to the new price, its intent not yet."""
    made = place(session)
    change_listing(session, amount=NEW_PRICE)
    made.set_price(Money(NEW_PRICE, "GBP"))

    pay(session, made, amount=Money(PRICE, "GBP"), amount_received=PRICE)

    assert (made.total, made.payment_mismatch) == (PRICE, False)
    assert_rejected(session, made, "price_changed", copies)


def test_an_intent_with_the_price_of_today_is_kept_though_the_order_has_an_older_one(session):
    made = place(session)
    change_listing(session, amount=NEW_PRICE)

    pay(session, made, amount=Money(NEW_PRICE, "GBP"), amount_received=NEW_PRICE)

    assert (made.total, made.lines[0].unit_amount) == (NEW_PRICE, NEW_PRICE)
    assert (made.status, made.accepted, made.payment_mismatch) == (OrderStatus.PAID, True, False)


def test_another_amount_than_the_reserved_total_is_a_mismatch(session):
    made = place(session)
    reserve(session, made, NOW)

    pay(session, made, amount=Money(1, "GBP"), amount_received=1)

    assert (made.payment_mismatch, made.total) == (True, PRICE)


def test_who_pays_without_our_page_is_mailed_at_the_address_given_to_stripe(session):
    made = place(session)
    made.email = None

    pay(session, made, charge=charge(email="payer@reader.example"))

    assert made.email == "payer@reader.example"
    assert mails(session, made) == ["paid"]


# --- before the money


CHANGES = {
    "another price": lambda session: change_listing(session, amount=NEW_PRICE),
    "no longer for sale": lambda session: change_listing(session, state="gone"),
    "withdrawn": withdraw,
    "sold out": lambda session: session.execute(update(BookRecord).values(stock=0)),
    "another currency": lambda session: session.execute(
        update(CatalogueState).values(built_for=OTHER_CURRENCY)
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_order_never_reserved_is_cancelled_when_its_offer_changes(session, change):
    made = place(session)
    assert cancel_outdated(session, JOB_WORKER, NOW, 10) == 0

    change(session)

    assert cancel_outdated(session, JOB_WORKER, NOW, 10) == 1
    assert made.status == OrderStatus.CANCELLED
    assert open_intents(session) == [made.payment_intent]
    assert mails(session, made) == []
    assert cancel_outdated(session, JOB_WORKER, NOW, 10) == 0


def test_an_order_with_reserved_copies_keeps_its_price(session):
    made = place(session)
    reserve(session, made, NOW)
    change_listing(session, amount=NEW_PRICE)

    assert cancel_outdated(session, JOB_WORKER, NOW, 10) == 0


def test_a_run_cancels_a_limited_number_of_outdated_orders(session):
    item = book("MOSS")
    session.add_all([item, *(order(item, price=PRICE) for _ in range(3))])
    change_listing(session, amount=NEW_PRICE)
    session.flush()
    change_listing(session, amount=NEW_PRICE)

    assert [cancel_outdated(session, JOB_WORKER, NOW, 2) for _run in range(3)] == [2, 1, 0]
