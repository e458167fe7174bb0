"""How many copies one network may keep reserved, and for how long in a day."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bookshop.inventory.reservations import reserve
from bookshop.orders.models import Order
from bookshop.orders.payment.reservation_limits import (
    LAPSED_PERIOD,
    MAX_LAPSED,
    NETWORK_KNOWN_FOR,
    check_reservations,
    forget_networks,
)
from bookshop.orders.states import OrderStatus
from bookshop.rate_limits.limiter import RateLimitExceededError
from tests.unit.makers import NOW, book, order

MAX_RESERVATIONS = 6
NETWORK, OTHER = "network-1", "network-2"


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def add(session, item, **values):
    made = order(item, **{"session_id": "session-1", "network": NETWORK, **values})
    session.add_all([item, made])
    session.flush()
    return made


def add_lapsed(session, item, **values):
    filled = {"status": OrderStatus.EXPIRED, "reservation_ends_at": NOW, "placed_at": NOW}
    return add(session, item, **{**filled, **values})


def reserve_checked(session, made):
    check_reservations(session, made, MAX_RESERVATIONS, NOW)
    reserve(session, made, NOW)
    session.flush()


def assert_refused(session, made):
    with pytest.raises(RateLimitExceededError) as refused:
        check_reservations(session, made, MAX_RESERVATIONS, NOW)
    return refused.value


def test_a_network_reserves_a_limited_number_of_copies_at_a_time(session):
    item = book(stock=100)
    for number in range(MAX_RESERVATIONS):
        reserve_checked(session, add(session, item, session_id=f"session-{number}"))

    refused = assert_refused(session, add(session, item, session_id="another"))

    assert (refused.action, refused.seconds) == ("reservations", 15 * 60)
    reserve_checked(session, add(session, item, network=OTHER))


def test_a_reservation_is_extended_whatever_its_network_holds(session):
    item = book(stock=100)
    orders = [add(session, item) for _ in range(MAX_RESERVATIONS)]
    for made in orders:
        reserve_checked(session, made)

    check_reservations(session, orders[0], MAX_RESERVATIONS, NOW)


def test_presses_at_the_same_time_reserve_no_more_than_one_network_may(sessions):
    item, count = book("MOSS", stock=100), MAX_RESERVATIONS + 6
    with sessions.begin() as session:
        ids = [add(session, item).id for _ in range(count)]

    def press(order_id):
        try:
            with sessions.begin() as session:
                query = select(Order).where(Order.id == order_id).with_for_update()
                reserve_checked(session, session.scalars(query).one())
        except RateLimitExceededError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(press, ids)) == MAX_RESERVATIONS

    with sessions() as session:
        reserved = select(func.count()).where(Order.stock_reserved)
        assert session.scalars(reserved).one() == MAX_RESERVATIONS


@pytest.mark.parametrize(
    "client",
    [{"session_id": "another"}, {"network": OTHER}],
    ids=["the same network", "the same session"],
)
def test_the_last_copies_are_not_reserved_again_and_again_by_new_orders(session, client):
    item = book(stock=1)
    for hours in range(MAX_LAPSED):
        add_lapsed(session, item, placed_at=NOW - timedelta(hours=hours))

    refused = assert_refused(session, add(session, item, **client))

    oldest = NOW - timedelta(hours=MAX_LAPSED - 1)
    assert refused.seconds == (oldest + LAPSED_PERIOD - NOW).total_seconds() + 1
    check_reservations(
        session, add(session, item, session_id="another", network=OTHER), MAX_RESERVATIONS, NOW
    )


@pytest.mark.parametrize(
    "values",
    [
        {"status": OrderStatus.PAID},
        {"reservation_ends_at": None},
        {"placed_at": NOW - LAPSED_PERIOD - timedelta(seconds=1)},
        {"placed_at": NOW + timedelta(days=2)},
    ],
    ids=["paid", "never reserved", "long ago", "by a wrong clock"],
)
def test_other_orders_of_a_client_do_not_count_as_lapsed(session, values):
    item = book(stock=1)
    for _ in range(MAX_LAPSED):
        add_lapsed(session, item, **values)

    check_reservations(session, add(session, item), MAX_RESERVATIONS, NOW)


@pytest.mark.parametrize("stock", [None, 4], ids=["unlimited", "enough"])
def test_books_with_enough_copies_can_be_reserved_by_new_orders(session, stock):
    item = book(stock=stock)
    for _ in range(MAX_LAPSED):
        add_lapsed(session, item)

    check_reservations(session, add(session, item), MAX_RESERVATIONS, NOW)


def test_the_network_of_an_order_is_forgotten_after_about_a_day(session):
    item = book()
    old = add(session, item, placed_at=NOW - NETWORK_KNOWN_FOR - timedelta(seconds=1))
    new = add(session, item, placed_at=NOW - NETWORK_KNOWN_FOR)

    forget_networks(session, NOW)

    session.expire_all()
    assert (old.network, new.network) == (None, NETWORK)
