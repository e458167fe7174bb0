"""What a book costs and whether it can be bought: for every edition, on every day."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.edition import FIXED_BY_LAW, Edition, Price
from bookshop.catalogue.pricing import (
    BEFORE_PUBLICATION,
    DAY,
    FORTHCOMING,
    LABELS,
    LOW_STOCK,
    ORDERABLE,
    RETAIL,
    TEMPORARILY_UNAVAILABLE,
    AvailabilityCode,
    SalesContext,
    SaleState,
    availability_of,
    offer_on,
)
from bookshop.money import Money

# ONIX code lists 65 and 58, issue 71: https://ns.editeur.org/onix/en/65
LISTED_65 = (
    "01 09 10 11 12 20 21 22 23 30 31 32 33 34 40 41 42 43 44 45 46 47 48 49 50 51 52 97 98 99"
)
LISTED_58 = (
    "01 02 03 04 05 06 07 08 09 11 12 13 14 15 17 21 22 23 24 25 27 31 32 33 34 35 36 37 41 42"
)
LIST_65, LIST_58 = LISTED_65.split(), LISTED_58.split()
BRITISH = SalesContext("GBP", "GB")
TODAY = date(2026, 6, 1)
YESTERDAY, TOMORROW = TODAY - DAY, TODAY + DAY
A_YEAR = timedelta(days=365)

near = st.integers(-20, 20).map(lambda days: TODAY + timedelta(days=days))
# A feed's last day of all is often the last one that there is.
days = st.none() | near | st.sampled_from([date.min, date.max])
prices = st.builds(
    Price,
    currency=st.sampled_from(["GBP", "EUR"]),
    amount=st.integers(0, 10_000),
    type=st.sampled_from(LIST_58),
    tax_percent=st.none() | st.sampled_from(["0", "5.5", "20"]),
    starts=days,
    ends=days,
    countries=st.sampled_from([(), ("GB",), ("FR", "GB"), ("FR",)]),
    excluded=st.sampled_from([(), ("GB",)]),
)
editions = st.builds(
    Edition,
    sku=st.just("SKU"),
    title=st.just("A Book"),
    availability=st.sampled_from(LIST_65),
    published=days,
    on_sale=days,
    prices=st.lists(prices, max_size=5).map(tuple),
)
terms = st.builds(
    SalesContext, st.sampled_from(["GBP", "EUR"]), st.sampled_from([None, "GB", "FR"])
)


def edition(*listed, **values):
    values = {"availability": "20", "published": TODAY - A_YEAR, **values}
    return Edition(sku="SKU", title="A Book", prices=listed, **values)


def price_of(*listed, day=TODAY, terms=BRITISH, **values):
    found = offer_on(edition(*listed, **values), terms, day).price
    return found and found.amount


def without_date(found):
    return found.state, found.price, found.fixed, found.release_date


@given(edition=editions, terms=terms)
def test_an_offer_holds_until_the_day_that_it_names_and_no_longer(edition, terms):
    day = TODAY - timedelta(days=25)
    found = offer_on(edition, terms, day)
    for later in (day + timedelta(days=count) for count in range(1, 51)):
        other = offer_on(edition, terms, later)
        if later == found.changes_on:
            assert without_date(other) != without_date(found)
            found = other
        assert other == found


@given(edition=editions, terms=terms, day=near)
def test_what_can_be_bought_has_a_price_that_somebody_set_for_here_and_now(edition, terms, day):
    found = offer_on(edition, terms, day)
    if found.state in {SaleState.BUY, SaleState.PREORDER}:
        assert found.price is not None
    if found.price is not None:
        assert any(
            price.currency == found.price.currency == terms.currency
            and price.type in RETAIL
            and price.amount <= found.price.amount
            and found.fixed == price.fixed
            and (price.starts or date.min) <= day <= (price.ends or date.max)
            for price in edition.prices
        )


@given(edition=editions, terms=terms, day=near)
def test_nothing_is_sold_as_if_it_were_there_before_the_embargo_ends(edition, terms, day):
    found = offer_on(edition, terms, day)
    if edition.on_sale is not None and edition.on_sale > day:
        assert found.state is not SaleState.BUY
        assert found.release_date == edition.on_sale
    else:
        assert found.release_date is None or found.release_date > day


@given(
    amount=st.integers(0, 10**9), percent=st.decimals(0, 50, places=2), type=st.sampled_from(RETAIL)
)
def test_the_tax_that_is_not_in_a_price_is_added_to_the_nearest_minor_unit(amount, percent, type):  # noqa: A002 - the field's name
    price = Price("GBP", amount, type=type, tax_percent=str(percent))
    found = price_of(price, published=TOMORROW)
    if price.includes_tax:
        assert found == amount
    else:
        exact = amount * (1 + Fraction(percent) / 100)
        assert exact - Fraction(1, 2) < found <= exact + Fraction(1, 2)


@pytest.mark.parametrize(
    ("amount", "percent", "whole"),
    [
        (1000, "20", 1200),
        (597, "5.5", 630),
        # Halves go up, also where a float would have fallen below the half.
        (10, "5", 11),
        (30, "5", 32),
        (999, None, 999),
    ],
)
def test_a_price_without_tax_is_shown_with_it(amount, percent, whole):
    assert price_of(Price("GBP", amount, type="01", tax_percent=percent)) == whole


@pytest.mark.parametrize(
    ("day", "amount"),
    [(YESTERDAY, 1000), (TODAY, 800), (TOMORROW, 800), (TOMORROW + DAY, 1000)],
)
def test_a_price_for_some_days_holds_on_the_first_and_the_last_of_them(day, amount):
    offered = Price("GBP", 800, starts=TODAY, ends=TOMORROW)
    assert price_of(Price("GBP", 1000), offered, day=day) == amount


def test_of_two_prices_that_have_begun_the_newer_holds():
    old, new = Price("GBP", 900, starts=TODAY - A_YEAR), Price("GBP", 950, starts=TODAY)
    assert price_of(old, new) == price_of(new, old) == 950
    assert price_of(new, old, day=YESTERDAY) == 900


def test_a_price_that_ended_and_one_that_has_not_begun_sell_nothing():
    past, coming = Price("GBP", 900, ends=YESTERDAY), Price("GBP", 950, starts=TOMORROW)
    found = offer_on(edition(past, coming), BRITISH, TODAY)
    assert (found.state, found.price, found.changes_on) == (SaleState.DISCONTINUED, None, TOMORROW)


def test_a_price_may_hold_until_the_end_of_time():
    found = offer_on(edition(Price("GBP", 900, ends=date.max)), BRITISH, TODAY)
    assert (found.price, found.changes_on) == (Money(900, "GBP"), None)


@pytest.mark.parametrize(
    ("country", "amount"), [("GB", 800), ("IE", None), ("US", 1000), (None, 800)]
)
def test_a_price_made_for_the_country_comes_first(country, amount):
    listed = (
        Price("GBP", 1000, excluded=("GB", "IE")),
        Price("GBP", 800, countries=("GB", "JE")),
    )
    assert price_of(*listed, terms=SalesContext("GBP", country)) == amount


def test_a_price_in_another_currency_is_none():
    found = offer_on(edition(Price("EUR", 1000)), BRITISH, TODAY)
    assert (found.state, found.price) == (SaleState.DISCONTINUED, None)


@given(st.permutations([Price("GBP", index, type=code) for index, code in enumerate(RETAIL)]))
def test_the_most_binding_kind_of_price_comes_first_in_any_order(listed):
    assert price_of(*listed, published=TOMORROW) == RETAIL.index("24")
    assert price_of(*listed) == RETAIL.index("04")


@pytest.mark.parametrize("code", sorted(set(LIST_58) - set(RETAIL)))
def test_what_the_trade_pays_is_no_price_for_customers(code):
    assert price_of(Price("GBP", 500, type=code), published=TOMORROW) is None


@pytest.mark.parametrize("code", RETAIL)
def test_a_price_is_fixed_where_the_law_says_so(code):
    found = offer_on(edition(Price("GBP", 500, type=code), published=TOMORROW), BRITISH, TODAY)
    assert found.fixed == (code in {"03", "04", "23", "24", "33", "34"})
    assert found.fixed == (code in FIXED_BY_LAW)


@pytest.mark.parametrize("code", sorted(BEFORE_PUBLICATION))
def test_a_price_before_publication_ends_with_it(code):
    usual, early = Price("GBP", 1000), Price("GBP", 800, type=code)
    coming = edition(usual, early, availability="10", published=TOMORROW)
    found = offer_on(coming, BRITISH, TODAY)
    assert (found.state, found.price, found.release_date) == (
        SaleState.PREORDER,
        Money(800, "GBP"),
        TOMORROW,
    )
    assert found.changes_on == TOMORROW
    found = offer_on(coming, BRITISH, TOMORROW)
    assert (found.state, found.price, found.changes_on) == (SaleState.BUY, Money(1000, "GBP"), None)


def test_a_book_that_is_out_but_under_embargo_is_a_preorder_until_then():
    held_back = edition(Price("GBP", 1000), published=YESTERDAY, on_sale=TOMORROW)
    assert offer_on(held_back, BRITISH, TODAY).state is SaleState.PREORDER
    assert offer_on(held_back, BRITISH, TODAY).release_date == TOMORROW
    assert offer_on(held_back, BRITISH, TOMORROW).state is SaleState.BUY


@pytest.mark.parametrize("code", LIST_65)
@pytest.mark.parametrize("priced", [True, False])
@pytest.mark.parametrize("release_date", [None, YESTERDAY, TOMORROW])
def test_every_code_of_the_trade_is_a_state(code, priced, release_date):
    listed = [Price("GBP", 1000)] if priced else []
    state = offer_on(edition(*listed, availability=code, published=release_date), BRITISH, TODAY).state
    coming = release_date == TOMORROW
    if code in TEMPORARILY_UNAVAILABLE:
        expected = SaleState.TEMPORARILY_UNAVAILABLE
    elif code == "09" or (code in FORTHCOMING and release_date is None):
        expected = SaleState.FORTHCOMING
    elif code not in FORTHCOMING | ORDERABLE:
        expected = SaleState.DISCONTINUED
    elif coming:
        expected = SaleState.PREORDER if priced else SaleState.FORTHCOMING
    else:
        expected = SaleState.BUY if priced else SaleState.DISCONTINUED
    assert state is expected


copies = st.none() | st.integers(-5, 1000)


@given(state=st.sampled_from(SaleState), free=copies)
def test_a_book_can_be_bought_where_its_state_allows_and_a_copy_is_free(state, free):
    found = availability_of(state, free)
    allowed = state in {SaleState.BUY, SaleState.PREORDER}
    assert found.can_buy == (allowed and (free is None or free > 0))
    assert found.label == LABELS[found.code]


@given(free=st.integers(-5, 50))
def test_copies_are_told_as_many_few_or_none(free):
    found = availability_of(SaleState.BUY, free).code
    assert found == (AvailabilityCode.IN_STOCK if free > LOW_STOCK else AvailabilityCode.LOW_STOCK if free > 0 else AvailabilityCode.OUT_OF_STOCK)


@pytest.mark.parametrize("free", [None, 0, 1, 100])
@pytest.mark.parametrize(
    ("state", "code"),
    [
        (SaleState.FORTHCOMING, AvailabilityCode.FORTHCOMING),
        (SaleState.TEMPORARILY_UNAVAILABLE, AvailabilityCode.OUT_OF_STOCK),
        (SaleState.DISCONTINUED, AvailabilityCode.UNAVAILABLE),
    ],
)
def test_what_is_not_there_is_told_as_what_it_is(state, code, free):
    assert availability_of(state, free).code is code


@pytest.mark.parametrize(
    ("free", "code"), [(None, AvailabilityCode.PREORDER), (1, AvailabilityCode.PREORDER), (0, "sold_out")]
)
def test_a_preorder_is_one_as_long_as_copies_are_left(free, code):
    assert availability_of(SaleState.PREORDER, free).code == code


def test_every_answer_has_words_of_its_own():
    assert set(LABELS) == set(AvailabilityCode)
    assert len({str(label) for label in LABELS.values()}) == len(AvailabilityCode)
