"""Reservations: never more than the stock, the last copy once, and no copy lost."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.catalogue.models import CatalogueState
from bookshop.inventory import reservations
from bookshop.inventory.reservations import (
    MAX_RESERVATION_TIME,
    RESERVATION_TIME,
    OutOfStockError,
    begin_last_period,
    release,
    reserve,
    reserve_without_expiry,
    sell_reserved,
)
from bookshop.orders.audit import JOB_WORKER
from bookshop.orders.models import Order
from bookshop.orders.payment.expiry import expire_lapsed
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book, order

LATER = NOW + RESERVATION_TIME + timedelta(seconds=1)


def expire(session, now):
    return expire_lapsed(session, JOB_WORKER, now)


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def place(session, *books, **values):
    """Add an order with its books to the database, and return it."""
    made = order(*books, **values)
    session.add_all([*books, made])
    session.flush()
    return made


# --- single steps


def test_reserving_takes_the_copies_and_returns_the_expiry(session, copies):
    one, two = book("ONE", stock=5), book("TWO", stock=2)
    placed = place(session, one, two, quantity=2)
    assert reserve(session, placed, NOW) == NOW + RESERVATION_TIME == placed.reserved_until
    assert placed.stock_reserved
    assert copies(session, "ONE") == (5, 2)
    assert copies(session, "TWO") == (2, 2)


def test_reserving_again_extends_the_reservation(session, copies):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW)
    later = NOW + timedelta(minutes=10)
    assert reserve(session, placed, later) == later + RESERVATION_TIME
    assert copies(session, "ONE") == (1, 1)


def test_a_reservation_ends_however_often_it_is_extended(session, copies):
    placed = place(session, book("ONE", stock=1))
    ends = [reserve(session, placed, NOW + timedelta(minutes=7 * n)) - NOW for n in range(10)]
    assert max(ends) == ends[-1] == MAX_RESERVATION_TIME
    assert ends[:3] == [timedelta(minutes=15), timedelta(minutes=22), timedelta(minutes=29)]
    assert expire(session, NOW + MAX_RESERVATION_TIME + timedelta(seconds=1)) == 1
    assert copies(session, "ONE") == (1, 0)


def test_a_reservation_begun_while_the_clock_was_ahead_gets_an_end(session):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW + timedelta(days=2))
    ends = [reserve(session, placed, NOW + timedelta(minutes=7 * n)) - NOW for n in range(10)]
    assert max(ends) == ends[-1] == MAX_RESERVATION_TIME


def test_a_failed_bank_debit_leaves_one_last_period(session):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW)
    days_later = NOW + timedelta(days=4)
    reserve_without_expiry(session, placed)
    begin_last_period(placed, days_later)
    end = days_later + RESERVATION_TIME
    assert reserve(session, placed, days_later + timedelta(minutes=10)) == end


def test_expired_reservation_can_be_extended(session, copies):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW)
    assert reserve(session, placed, LATER) == LATER + RESERVATION_TIME
    assert copies(session, "ONE") == (1, 1)


def test_reserved_copies_cannot_be_reserved(session, copies):
    item = book("ONE", title="The One", stock=1)
    first, second = place(session, item), place(session, item)
    reserve(session, first, NOW)
    with pytest.raises(OutOfStockError, match="The One") as caught:
        reserve(session, second, NOW)
    assert caught.value.title == "The One"
    assert not second.stock_reserved
    assert copies(session, "ONE") == (1, 1)


@pytest.mark.parametrize(("stock", "quantity"), [(0, 1), (1, 2), (5, 6)])
def test_more_than_the_stock_cannot_be_reserved(session, stock, quantity, copies):
    placed = place(session, book("ONE", stock=stock), quantity=quantity)
    with pytest.raises(OutOfStockError):
        reserve(session, placed, NOW)
    assert copies(session, "ONE") == (stock, 0)


def test_missing_book_cannot_be_reserved(session):
    placed = place(session, book("ONE"))
    placed.lines[0].sku = "GONE"
    with pytest.raises(OutOfStockError):
        reserve(session, placed, NOW)


def test_unlimited_stock_never_runs_out(session, copies):
    item = book("FILE", stock=None)
    for _ in range(3):
        placed = place(session, item)
        reserve(session, placed, NOW)
        assert sell_reserved(session, placed)
    assert copies(session, "FILE") == (None, 0)


def test_releasing_is_idempotent(session, copies):
    placed = place(session, book("ONE", stock=3), quantity=2)
    reserve(session, placed, NOW)
    for _ in range(2):
        release(session, placed)
        assert (placed.stock_reserved, placed.reserved_until) == (False, None)
        assert copies(session, "ONE") == (3, 0)


def test_reservation_lasts_until_its_expiry(session, copies):
    placed = place(session, book("ONE", stock=1))
    until = reserve(session, placed, NOW)
    session.flush()
    assert expire(session, until - timedelta(microseconds=1)) == 0
    assert placed.stock_reserved
    assert expire(session, until) == 1
    assert (placed.stock_reserved, placed.reserved_until) == (False, None)
    assert copies(session, "ONE") == (1, 0)
    assert expire(session, LATER) == 0


def test_expired_copies_can_be_reserved(session, copies):
    item = book("ONE", stock=1)
    first, second = place(session, item), place(session, item)
    reserve(session, first, NOW)
    session.flush()
    expire(session, LATER)
    reserve(session, second, LATER)
    assert (first.stock_reserved, second.stock_reserved) == (False, True)
    assert copies(session, "ONE") == (1, 1)


def test_expired_order_releases_its_dedup_key(session):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW)
    expire(session, LATER)
    assert (placed.status, placed.dedup_key) == (OrderStatus.EXPIRED, None)


def test_reservation_without_expiry_takes_free_copies(session, copies):
    item = book("ONE", stock=1)
    first, second = place(session, item), place(session, item)
    for placed in (first, second):
        reservations.reserve_without_expiry(session, placed)
    assert (first.stock_reserved, first.reserved_until) == (True, None)
    assert not second.stock_reserved
    assert copies(session, "ONE") == (1, 1)


def test_restocking_returns_limited_stock(session, copies):
    one, file = book("ONE", stock=3), book("FILE", stock=None)
    placed = place(session, one, file, quantity=2)
    assert sell_reserved(session, placed)
    reservations.restock(session, placed)
    assert copies(session, "ONE") == (3, 0)
    assert copies(session, "FILE") == (None, 0)


@pytest.mark.parametrize("status", [OrderStatus.PROCESSING, OrderStatus.PAID])
def test_reservation_of_a_payment_in_progress_does_not_lapse(session, status, copies):
    item = book("ONE", stock=1)
    paying = place(session, item)
    reserve(session, paying, NOW)
    paying.status = status
    session.flush()
    assert expire(session, LATER) == 0
    assert paying.stock_reserved
    assert copies(session, "ONE") == (1, 1)


def test_selling_deducts_the_stock(session, copies):
    placed = place(session, book("ONE", stock=3), quantity=2)
    reserve(session, placed, NOW)
    assert sell_reserved(session, placed)
    assert not placed.stock_reserved
    assert copies(session, "ONE") == (1, 0)


def test_selling_without_reservation_takes_free_copies(session, copies):
    assert sell_reserved(session, place(session, book("ONE", stock=1)))
    assert copies(session, "ONE") == (0, 0)


def test_selling_without_reservation_takes_no_reserved_copies(session, copies):
    item = book("ONE", stock=1)
    holder, late = place(session, item), place(session, item)
    reserve(session, holder, NOW)
    assert not sell_reserved(session, late)
    assert copies(session, "ONE") == (1, 1)
    assert sell_reserved(session, holder)
    assert copies(session, "ONE") == (0, 0)


def test_all_lines_are_sold_or_none(session, copies):
    there, gone = book("A", stock=1), book("B", stock=0)
    assert not sell_reserved(session, place(session, there, gone))
    assert copies(session, "A") == (1, 0)
    assert copies(session, "B") == (0, 0)


# --- any sequence of steps

STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "release", "sell", "lapse", "wait"]), st.integers(0, 3)),
    max_size=25,
)


@settings(max_examples=60)
@given(
    stock=st.integers(0, 5),
    quantities=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    steps=STEPS,
)
def test_any_sequence_of_steps_conserves_copies(sessions, copies, stock, quantities, steps):
    with sessions() as session:
        item = book(stock=stock)
        session.add(item)
        orders = [place(session, item, quantity=quantity) for quantity in quantities]
        sold, now = 0, NOW
        for step, which in steps:
            chosen = orders[which]
            if step == "wait":
                now += RESERVATION_TIME / 2
            elif step == "lapse":
                expire(session, now)
            elif step == "release":
                release(session, chosen)
            elif step == "sell":
                sold += chosen.lines[0].quantity if sell_reserved(session, chosen) else 0
            else:
                with session.begin_nested() as attempt:
                    try:
                        reserve(session, chosen, now)
                    except OutOfStockError:
                        attempt.rollback()
            session.flush()
            in_stock, reserved = copies(session, item.sku)
            assert reserved == sum(item.lines[0].quantity for item in orders if item.stock_reserved)
            assert in_stock + sold == stock
            assert 0 <= reserved <= in_stock
        session.rollback()


# --- concurrency


def numbers_of(sessions, made):
    with sessions.begin() as session:
        session.add_all(made)
        session.flush()
        return [item.number for item in made if isinstance(item, Order)]


@pytest.mark.parametrize("stock", [1, 3])
def test_last_copies_are_reserved_once_concurrently(sessions, together, copies, stock):
    item = book("LAST", stock=stock)
    numbers = numbers_of(sessions, [item, *(order(item) for _ in range(8))])

    def press_pay(number):
        with sessions.begin() as session:
            mine = session.scalars(
                select(Order).where(Order.number == number).with_for_update()
            ).one()
            reserve(session, mine, NOW)

    results = together(press_pay, numbers)
    assert results.count(None) == stock
    refused = [result for result in results if result is not None]
    assert [type(result) for result in refused] == [OutOfStockError] * (8 - stock), refused
    with sessions() as session:
        assert copies(session, "LAST") == (stock, stock)


def test_last_copy_is_sold_once_concurrently(sessions, together, copies):
    item = book("LAST", stock=1)
    numbers = numbers_of(sessions, [item, *(order(item) for _ in range(8))])

    def pay(number):
        with sessions.begin() as session:
            return sell_reserved(
                session, session.scalars(select(Order).where(Order.number == number)).one()
            )

    results = together(pay, numbers)
    assert sorted(results, key=str) == [False] * 7 + [True]
    with sessions() as session:
        assert copies(session, "LAST") == (0, 0)


def test_lapsed_copy_is_reserved_once_concurrently(sessions, together, copies):
    item = book("LAST", stock=1, reserved=1)
    lapsed = order(item, stock_reserved=True, reserved_until=NOW)
    numbers = numbers_of(sessions, [item, lapsed, *(order(item) for _ in range(6))])[1:]

    def press_pay(number):
        with sessions.begin() as session:
            expire(session, LATER)
        with sessions.begin() as session:
            mine = session.scalars(
                select(Order).where(Order.number == number).with_for_update()
            ).one()
            reserve(session, mine, LATER)

    results = together(press_pay, numbers)
    assert results.count(None) == 1
    with sessions() as session:
        assert copies(session, "LAST") == (1, 1)


def test_concurrent_expiry_releases_once(sessions, together, copies):
    item = book("ONE", stock=5, reserved=5)
    numbers_of(
        sessions, [item, *(order(item, stock_reserved=True, reserved_until=NOW) for _ in range(5))]
    )

    def run_expiry(_number):
        with sessions.begin() as session:
            return expire(session, LATER)

    assert sum(together(run_expiry, range(4))) == 5
    with sessions() as session:
        assert copies(session, "ONE") == (5, 0)


def test_orders_for_the_same_books_do_not_deadlock(sessions, together, copies):
    books = [book(sku, stock=None) for sku in ("A", "B", "C")]
    mixed = [order(*books), order(*reversed(books)), order(books[1], books[2], books[0])]
    numbers = numbers_of(sessions, [*books, *mixed])

    def reserve_and_release(number):
        for _ in range(15):
            with sessions.begin() as session:
                mine = session.scalars(
                    select(Order).where(Order.number == number).with_for_update()
                ).one()
                reserve(session, mine, NOW)
            with sessions.begin() as session:
                mine = session.scalars(
                    select(Order).where(Order.number == number).with_for_update()
                ).one()
                release(session, mine)

    assert together(reserve_and_release, numbers) == [None, None, None]
    with sessions() as session:
        assert [copies(session, sku) for sku in ("A", "B", "C")] == [(None, 0)] * 3


def test_concurrent_expiry_does_not_deadlock(postgres_sessions, postgres, together, monkeypatch):
    one, two = book("A", reserved=2), book("B", reserved=2)
    first, second = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    lapsed = [
        order(item, stock_reserved=True, reserved_until=at - timedelta(seconds=1))
        for at, books in ((first, (one, two)), (second, (two, one)))
        for item in books
    ]
    numbers_of(postgres_sessions, [one, two, *lapsed])
    released = {first: threading.Event(), second: threading.Event()}
    local = threading.local()

    def release_and_wait(session, item):
        release(session, item)
        released[local.now].set()
        while not (all(event.is_set() for event in released.values()) or postgres.lock_awaited()):
            pass

    def run_expiry(now):
        local.now = now
        if now == second:
            # The first has found its lapsed orders and released one book.
            assert released[first].wait(60)
        with postgres_sessions.begin() as session:
            return expire(session, now)

    monkeypatch.setattr(reservations, "release", release_and_wait)
    assert together(run_expiry, [first, second]) == [2, 2]


# --- the catalogue's version


@pytest.fixture
def version(sessions):
    """Returns the committed version of the catalogue."""

    def version():
        with sessions() as other:
            return other.scalar(select(CatalogueState.version))

    return version


@pytest.mark.parametrize(
    ("stock", "quantity", "changes"),
    [(10, 1, False), (4, 1, True), (3, 1, False), (1, 1, True), (3, 3, True), (None, 5, False)],
)
def test_catalogue_version_changes_with_the_shown_availability(
    sessions, version, stock, quantity, changes
):
    with sessions.begin() as session:
        number = place(session, book("ONE", stock=stock), quantity=quantity).id
    steps = [
        lambda session, order: reserve(session, order, NOW),
        release,
        lambda session, order: reserve(session, order, NOW),
    ]
    for step in steps:
        before = version()
        with sessions.begin() as session:
            step(session, session.get(Order, number))
        assert (version() > before) is changes
    before = version()
    with sessions.begin() as session:
        assert sell_reserved(session, session.get(Order, number))
    with sessions.begin() as session:
        reservations.restock(session, session.get(Order, number))
    assert (version() > before) is changes


def test_failed_reservation_keeps_the_catalogue_version(sessions, version):
    with sessions.begin() as session:
        number = place(session, book("A", stock=4), book("B", stock=0)).id
    before = version()

    with sessions() as session, pytest.raises(OutOfStockError):
        reserve(session, session.get(Order, number), NOW)

    assert version() == before


def test_version_changes_of_different_books_do_not_block(postgres_sessions):
    # Both reserve the last copy of a book, which changes the catalogue's version.
    with postgres_sessions.begin() as session:
        one, two = book("A", stock=1), book("B", stock=1)
        numbers = [place(session, item).id for item in (one, two)]
    done = []

    def other():
        with postgres_sessions.begin() as session:
            reserve(session, session.get(Order, numbers[1]), NOW)
        done.append(True)

    with postgres_sessions.begin() as session:
        reserve(session, session.get(Order, numbers[0]), NOW)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(60)
        assert done, "blocked by a transaction that changed another book"
