"""Holds: never more than there are, the last copy once, and nothing lost on the way."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bookshop.catalogue.models import CatalogueState
from bookshop.inventory import reservations
from bookshop.inventory.reservations import (
    RESERVATION_TIME,
    OutOfStockError,
    release,
    reserve,
    sell_reserved,
)
from bookshop.orders.audit import JOB_WORKER
from bookshop.orders.models import Order
from bookshop.orders.payment.expiry import expire_lapsed
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book, order

LATER = NOW + RESERVATION_TIME + timedelta(seconds=1)


def free_lapsed(session, now):
    return expire_lapsed(session, JOB_WORKER, now)


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def place(session, *books, **values):
    """An order in the database, and its books with it."""
    made = order(*books, **values)
    session.add_all([*books, made])
    session.flush()
    return made


# --- one at a time


def test_a_hold_takes_the_copies_and_says_until_when(session, copies):
    one, two = book("ONE", stock=5), book("TWO", stock=2)
    placed = place(session, one, two, quantity=2)
    assert reserve(session, placed, NOW) == NOW + RESERVATION_TIME == placed.reserved_until
    assert placed.stock_reserved
    assert copies(session, "ONE") == (5, 2)
    assert copies(session, "TWO") == (2, 2)


def test_holding_again_takes_no_more_and_begins_the_time_anew(session, copies):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW)
    later = NOW + timedelta(minutes=10)
    assert reserve(session, placed, later) == later + RESERVATION_TIME
    assert copies(session, "ONE") == (1, 1)


def test_holding_on_after_the_time_is_up_keeps_what_nobody_wanted(session, copies):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW)
    assert reserve(session, placed, LATER) == LATER + RESERVATION_TIME
    assert copies(session, "ONE") == (1, 1)


def test_what_somebody_holds_cannot_be_held(session, copies):
    wanted = book("ONE", title="The One", stock=1)
    first, second = place(session, wanted), place(session, wanted)
    reserve(session, first, NOW)
    with pytest.raises(OutOfStockError, match="The One") as caught:
        reserve(session, second, NOW)
    assert caught.value.title == "The One"
    assert not second.stock_reserved
    assert copies(session, "ONE") == (1, 1)


@pytest.mark.parametrize(("stock", "quantity"), [(0, 1), (1, 2), (5, 6)])
def test_more_than_there_are_cannot_be_held(session, stock, quantity, copies):
    placed = place(session, book("ONE", stock=stock), quantity=quantity)
    with pytest.raises(OutOfStockError):
        reserve(session, placed, NOW)
    assert copies(session, "ONE") == (stock, 0)


def test_a_book_that_left_the_catalogue_cannot_be_held(session):
    placed = place(session, book("ONE"))
    placed.lines[0].sku = "GONE"
    with pytest.raises(OutOfStockError):
        reserve(session, placed, NOW)


def test_copies_that_are_no_object_never_run_out(session, copies):
    wanted = book("FILE", stock=None)
    for _ in range(3):
        placed = place(session, wanted)
        reserve(session, placed, NOW)
        assert sell_reserved(session, placed)
    assert copies(session, "FILE") == (None, 0)


def test_releasing_gives_back_once(session, copies):
    placed = place(session, book("ONE", stock=3), quantity=2)
    reserve(session, placed, NOW)
    for _ in range(2):
        release(session, placed)
        assert (placed.stock_reserved, placed.reserved_until) == (False, None)
        assert copies(session, "ONE") == (3, 0)


def test_a_hold_is_kept_until_its_time_is_up(session, copies):
    placed = place(session, book("ONE", stock=1))
    until = reserve(session, placed, NOW)
    session.flush()
    assert free_lapsed(session, until) == 0
    assert placed.stock_reserved
    assert free_lapsed(session, until + timedelta(microseconds=1)) == 1
    assert (placed.stock_reserved, placed.reserved_until) == (False, None)
    assert copies(session, "ONE") == (1, 0)
    assert free_lapsed(session, LATER) == 0


def test_a_lapsed_copy_is_anybodys(session, copies):
    wanted = book("ONE", stock=1)
    first, second = place(session, wanted), place(session, wanted)
    reserve(session, first, NOW)
    session.flush()
    free_lapsed(session, LATER)
    reserve(session, second, LATER)
    assert (first.stock_reserved, second.stock_reserved) == (False, True)
    assert copies(session, "ONE") == (1, 1)


def test_an_order_whose_time_is_up_can_be_begun_anew(session):
    placed = place(session, book("ONE", stock=1))
    reserve(session, placed, NOW)
    free_lapsed(session, LATER)
    assert (placed.status, placed.dedup_key) == (OrderStatus.EXPIRED, None)


def test_keeping_takes_what_is_free_and_has_no_end(session, copies):
    wanted = book("ONE", stock=1)
    first, second = place(session, wanted), place(session, wanted)
    for placed in (first, second):
        reservations.reserve_without_expiry(session, placed)
    assert (first.stock_reserved, first.reserved_until) == (True, None)
    assert not second.stock_reserved
    assert copies(session, "ONE") == (1, 1)


def test_restocked_copies_are_for_sale_again_and_files_have_no_number(session, copies):
    one, file = book("ONE", stock=3), book("FILE", stock=None)
    placed = place(session, one, file, quantity=2)
    assert sell_reserved(session, placed)
    reservations.restock(session, placed)
    assert copies(session, "ONE") == (3, 0)
    assert copies(session, "FILE") == (None, 0)


@pytest.mark.parametrize("status", [OrderStatus.PROCESSING, OrderStatus.PAID])
def test_what_is_being_paid_does_not_lapse(session, status, copies):
    wanted = book("ONE", stock=1)
    paying = place(session, wanted)
    reserve(session, paying, NOW)
    paying.status = status
    session.flush()
    assert free_lapsed(session, LATER) == 0
    assert paying.stock_reserved
    assert copies(session, "ONE") == (1, 1)


def test_selling_takes_the_copies_for_good(session, copies):
    placed = place(session, book("ONE", stock=3), quantity=2)
    reserve(session, placed, NOW)
    assert sell_reserved(session, placed)
    assert not placed.stock_reserved
    assert copies(session, "ONE") == (1, 0)


def test_selling_without_a_hold_takes_what_is_free(session, copies):
    assert sell_reserved(session, place(session, book("ONE", stock=1)))
    assert copies(session, "ONE") == (0, 0)


def test_selling_without_a_hold_takes_nothing_from_others(session, copies):
    wanted = book("ONE", stock=1)
    holder, late = place(session, wanted), place(session, wanted)
    reserve(session, holder, NOW)
    assert not sell_reserved(session, late)
    assert copies(session, "ONE") == (1, 1)
    assert sell_reserved(session, holder)
    assert copies(session, "ONE") == (0, 0)


def test_all_books_of_an_order_are_sold_or_none(session, copies):
    there, gone = book("A", stock=1), book("B", stock=0)
    assert not sell_reserved(session, place(session, there, gone))
    assert copies(session, "A") == (1, 0)
    assert copies(session, "B") == (0, 0)


# --- whatever happens, in whatever order

STEPS = st.lists(
    st.tuples(st.sampled_from(["hold", "release", "sell", "lapse", "wait"]), st.integers(0, 3)),
    max_size=25,
)


@settings(max_examples=60)
@given(
    stock=st.integers(0, 5),
    quantities=st.lists(st.integers(1, 3), min_size=4, max_size=4),
    steps=STEPS,
)
def test_copies_are_neither_made_nor_lost(sessions, copies, stock, quantities, steps):
    with sessions() as session:
        wanted = book(stock=stock)
        session.add(wanted)
        orders = [place(session, wanted, quantity=quantity) for quantity in quantities]
        sold, now = 0, NOW
        for step, which in steps:
            chosen = orders[which]
            if step == "wait":
                now += RESERVATION_TIME / 2
            elif step == "lapse":
                free_lapsed(session, now)
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
            here, held = copies(session, wanted.sku)
            assert held == sum(item.lines[0].quantity for item in orders if item.stock_reserved)
            assert here + sold == stock
            assert 0 <= held <= here
        session.rollback()


# --- many at once


def numbers_of(sessions, made):
    with sessions.begin() as session:
        session.add_all(made)
        session.flush()
        return [item.number for item in made if isinstance(item, Order)]


@pytest.mark.parametrize("stock", [1, 3])
def test_the_last_copies_are_held_once(sessions, together, copies, stock):
    wanted = book("LAST", stock=stock)
    numbers = numbers_of(sessions, [wanted, *(order(wanted) for _ in range(8))])

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


def test_the_last_copy_is_sold_once(sessions, together, copies):
    wanted = book("LAST", stock=1)
    numbers = numbers_of(sessions, [wanted, *(order(wanted) for _ in range(8))])

    def pay(number):
        with sessions.begin() as session:
            return sell_reserved(
                session, session.scalars(select(Order).where(Order.number == number)).one()
            )

    results = together(pay, numbers)
    assert sorted(results, key=str) == [False] * 7 + [True]
    with sessions() as session:
        assert copies(session, "LAST") == (0, 0)


def test_a_lapsed_copy_goes_to_one_of_those_who_want_it(sessions, together, copies):
    wanted = book("LAST", stock=1, reserved=1)
    lapsed = order(wanted, stock_reserved=True, reserved_until=NOW)
    numbers = numbers_of(sessions, [wanted, lapsed, *(order(wanted) for _ in range(6))])[1:]

    def press_pay(number):
        with sessions.begin() as session:
            free_lapsed(session, LATER)
        with sessions.begin() as session:
            mine = session.scalars(
                select(Order).where(Order.number == number).with_for_update()
            ).one()
            reserve(session, mine, LATER)

    results = together(press_pay, numbers)
    assert results.count(None) == 1
    with sessions() as session:
        assert copies(session, "LAST") == (1, 1)


def test_what_lapsed_is_freed_once_by_however_many(sessions, together, copies):
    wanted = book("ONE", stock=5, reserved=5)
    numbers_of(sessions, [wanted, *(order(wanted, stock_reserved=True, reserved_until=NOW) for _ in range(5))])

    def sweep(_number):
        with sessions.begin() as session:
            return free_lapsed(session, LATER)

    assert sum(together(sweep, range(4))) == 5
    with sessions() as session:
        assert copies(session, "ONE") == (5, 0)


def test_orders_for_the_same_books_do_not_block_each_other(sessions, together, copies):
    books = [book(sku, stock=None) for sku in ("A", "B", "C")]
    mixed = [order(*books), order(*reversed(books)), order(books[1], books[2], books[0])]
    numbers = numbers_of(sessions, [*books, *mixed])

    def back_and_forth(number):
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

    assert together(back_and_forth, numbers) == [None, None, None]
    with sessions() as session:
        assert [copies(session, sku) for sku in ("A", "B", "C")] == [(None, 0)] * 3


def test_two_sweeps_do_not_block_each_other(postgres_sessions, postgres, together, monkeypatch):
    one, two = book("A", reserved=2), book("B", reserved=2)
    first, second = NOW + timedelta(seconds=1), NOW + timedelta(seconds=3)
    lapsed = [
        order(item, stock_reserved=True, reserved_until=at - timedelta(seconds=1))
        for at, books in ((first, (one, two)), (second, (two, one)))
        for item in books
    ]
    numbers_of(postgres_sessions, [one, two, *lapsed])
    freed = {first: threading.Event(), second: threading.Event()}
    local = threading.local()

    def release_and_wait(session, item):
        release(session, item)
        freed[local.now].set()
        while not (all(event.is_set() for event in freed.values()) or postgres.somebody_waits()):
            pass

    def sweep(now):
        local.now = now
        if now == second:
            # The first has found what has lapsed by then, and freed one book.
            assert freed[first].wait(10)
        with postgres_sessions.begin() as session:
            return free_lapsed(session, now)

    monkeypatch.setattr(reservations, "release", release_and_wait)
    assert together(sweep, [first, second]) == [2, 2]


# --- what pages say


@pytest.fixture
def version(sessions):
    """The catalogue's version, as others see it."""

    def version():
        with sessions() as other:
            return other.scalar(select(CatalogueState.version))

    return version


@pytest.mark.parametrize(
    ("stock", "quantity", "changes"),
    [(10, 1, False), (4, 1, True), (3, 1, False), (1, 1, True), (3, 3, True), (None, 5, False)],
)
def test_the_catalogue_has_another_version_where_pages_say_something_else(
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


def test_what_is_not_held_after_all_changes_no_page(sessions, version):
    with sessions.begin() as session:
        number = place(session, book("A", stock=4), book("B", stock=0)).id
    before = version()

    with sessions() as session, pytest.raises(OutOfStockError):
        reserve(session, session.get(Order, number), NOW)

    assert version() == before


def test_customers_who_change_pages_never_wait_for_each_other(postgres_sessions):
    # One has the last of A and wants B, the other has the last of B: both change what pages say.
    with postgres_sessions.begin() as session:
        one, two = book("A", stock=1), book("B", stock=1)
        numbers = [place(session, wanted).id for wanted in (one, two)]
    done = []

    def other():
        with postgres_sessions.begin() as session:
            reserve(session, session.get(Order, numbers[1]), NOW)
        done.append(True)

    with postgres_sessions.begin() as session:
        reserve(session, session.get(Order, numbers[0]), NOW)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)
        assert done, "it waits for a transaction that has only changed another book"
