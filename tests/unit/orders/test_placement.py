"""Placement: one order per session and item, also under concurrency."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bookshop.catalogue.terms.availability import Availability, AvailabilityCode
from bookshop.catalogue.works.listing import Listing
from bookshop.inventory.reservations import reserve
from bookshop.money import Money
from bookshop.orders.models import Order, OrderLine
from bookshop.orders.number import is_number
from bookshop.orders.placement import (
    NEW_ORDER_AFTER,
    DedupKey,
    find_order,
    place_order,
    reprice_order,
    retire_order,
)
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book

KEY = DedupKey("visitor", "SKU", None)
PRICE = Money(1299, "GBP")


def listing(price=PRICE, sku="SKU"):
    return Listing(
        sku=sku,
        title="The Book",
        subtitle=None,
        byline="Ada Example",
        form="BC",
        format="paperback",
        language="eng",
        cover="cover.svg",
        published=None,
        price=price,
        availability=Availability(AvailabilityCode.IN_STOCK),
    )


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def test_new_order_has_one_copy_at_the_present_price(session):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    session.flush()
    assert is_number(made.number)
    assert made.status == OrderStatus.PLACED
    assert (made.session_id, made.placed_at, made.revision) == ("visitor", NOW, 1)
    assert made.money == PRICE
    assert (made.payment_intent, made.email, made.paid_at) == (None, None, None)
    assert not made.stock_reserved
    [line] = made.lines
    assert (line.sku, line.title, line.quantity, line.unit_amount) == ("SKU", "The Book", 1, 1299)
    assert (line.currency, line.tax_amount, line.digital, line.shipped) == ("GBP", None, False, 0)
    assert sum(line.amount for line in made.lines) == made.total


def test_placing_again_returns_the_same_order(session):
    first = place_order(session, KEY, listing(), PRICE, NOW)
    again = place_order(session, KEY, listing(Money(1, "GBP")), Money(1, "GBP"), NOW)
    assert again is first
    assert again.money == PRICE
    assert len(again.lines) == 1


@pytest.mark.parametrize(
    "other",
    [
        DedupKey("another", "SKU", None),
        DedupKey("visitor", "B", None),
        DedupKey("visitor", "SKU", "X"),
    ],
)
def test_other_session_item_or_repetition_is_another_order(session, other):
    first = place_order(session, KEY, listing(), PRICE, NOW)
    assert place_order(session, other, listing(), PRICE, NOW).number != first.number


def test_concurrent_requests_place_one_order(sessions, together):
    def place(_number):
        with sessions.begin() as session:
            return place_order(session, KEY, listing(), PRICE, NOW).number

    numbers = together(place, range(8))
    assert len(set(numbers)) == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 1
        assert session.scalar(select(func.count()).select_from(OrderLine)) == 1


def test_order_is_found_by_its_key(session):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    assert find_order(session, KEY, NOW) is made
    assert find_order(session, DedupKey("another", "SKU", None), NOW) is None


def test_paid_order_is_found_until_remembered_time_ends(session):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    made.status, made.paid_at = OrderStatus.PAID, NOW
    assert find_order(session, KEY, NOW + NEW_ORDER_AFTER) is made
    assert find_order(session, KEY, NOW + NEW_ORDER_AFTER + timedelta(seconds=1)) is None
    assert made.dedup_key is None
    another = place_order(session, KEY, listing(), PRICE, NOW)
    assert another.number != made.number


def test_order_paid_while_the_clock_was_ahead_gives_way_to_a_new_one(session):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    made.status, made.paid_at = OrderStatus.PAID, NOW + timedelta(days=2)
    assert find_order(session, KEY, NOW) is None


def test_old_unpaid_order_is_found(session):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    assert find_order(session, KEY, NOW + timedelta(days=400)) is made


@pytest.mark.parametrize("price", [Money(1500, "GBP"), Money(999, "GBP"), Money(1299, "EUR")])
def test_open_order_is_repriced(session, price):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    made.payment_intent = "pi_1"
    reprice_order(made, listing(price))
    assert made.money == price
    assert made.lines[0].amount == price.amount
    assert made.revision == 2


@pytest.mark.parametrize("price", [PRICE, None])
def test_same_or_missing_price_changes_nothing(session, price):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    made.payment_intent = "pi_1"
    reprice_order(made, listing(price))
    assert (made.money, made.revision) == (PRICE, 1)


def test_order_without_intent_is_not_repriced(session):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    reprice_order(made, listing(Money(9999, "GBP")))
    assert (made.money, made.revision) == (PRICE, 1)


def test_order_is_not_repriced_after_pay_was_pressed(session):
    made = place_order(session, KEY, listing(), PRICE, NOW)
    made.payment_intent, made.email = "pi_1", "ada@mail.example"
    reprice_order(made, listing(Money(9999, "GBP")))
    assert (made.money, made.revision) == (PRICE, 1)


def test_retired_order_releases_stock_and_dedup_key(session, copies):
    session.add(book("SKU", stock=1))
    made = place_order(session, KEY, listing(), PRICE, NOW)
    reserve(session, made, NOW)
    retire_order(session, made, NOW)
    session.flush()
    assert made.status == OrderStatus.CANCELLED
    assert copies(session, "SKU") == (1, 0)
    assert find_order(session, KEY, NOW) is None
    assert place_order(session, KEY, listing(), PRICE, NOW).number != made.number
