"""Price and availability, for any edition on any day."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.edition import FIXED_BY_LAW, Edition, Price, Restriction, SupplierOffer
from bookshop.catalogue.pricing import (
    BEFORE_PUBLICATION,
    DAY,
    FORTHCOMING,
    ORDERABLE,
    RETAIL,
    SalesContext,
    offer_on,
    unpayable_prices,
)
from bookshop.catalogue.terms.availability import (
    LABELS,
    LOW_STOCK,
    AvailabilityCode,
    SaleState,
    availability_of,
)
from bookshop.money import Money
from bookshop.payment_limits import Unpayable, unpayable_reason

# ONIX code lists 65 and 58, issue 71: https://ns.editeur.org/onix/en/65
LISTED_65 = (
    "01 09 10 11 12 20 21 22 23 30 31 32 33 34 40 41 42 43 44 45 46 47 48 49 50 51 52 97 98 99"
)
LISTED_58 = (
    "01 02 03 04 05 06 07 08 09 11 12 13 14 15 17 21 22 23 24 25 27 31 32 33 34 35 36 37 41 42"
)
NOT_NOW = frozenset({"30", "31", "32", "33", "34", "97", "98", "99"})
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
restrictions = st.builds(
    Restriction,
    reason=st.just("restricted"),
    starts=days,
    ends=days,
    countries=st.sampled_from([("GB",), ("FR",)]),
)
offers = st.builds(
    SupplierOffer,
    availability=st.sampled_from(LIST_65),
    prices=st.lists(prices, max_size=2).map(tuple),
    published=days,
    on_sale=days,
    countries=st.sampled_from([(), ("GB",), ("FR", "GB"), ("FR",)]),
    excluded=st.sampled_from([(), ("GB",)]),
    restrictions=st.lists(restrictions, max_size=1).map(tuple),
)
editions = st.builds(
    Edition,
    sku=st.just("SKU"),
    title=st.just("A Book"),
    availability=st.sampled_from(LIST_65),
    published=days,
    on_sale=days,
    prices=st.lists(prices, max_size=5).map(tuple),
    offers=st.lists(offers, max_size=3).map(tuple),
    restrictions=st.lists(restrictions, max_size=1).map(tuple),
)
sales_context = st.builds(
    SalesContext, st.sampled_from(["GBP", "EUR"]), st.sampled_from(["GB", "FR"])
)


def edition(*listed, **values):
    values = {"availability": "20", "published": TODAY - A_YEAR, **values}
    return Edition(sku="SKU", title="A Book", prices=listed, **values)


def price_of(*listed, day=TODAY, sales_context=BRITISH, **values):
    price = offer_on(edition(*listed, **values), sales_context, day).price
    return price and price.amount


def unpayable_prices_of(*listed, sales_context=BRITISH):
    return list(unpayable_prices(edition(*listed), sales_context))


def without_date(offer):
    return offer.state, offer.price, offer.fixed, offer.release_date


@given(edition=editions, sales_context=sales_context)
def test_offer_is_valid_until_changes_on(edition, sales_context):
    day = TODAY - timedelta(days=25)
    offer = offer_on(edition, sales_context, day)
    for later in (day + timedelta(days=count) for count in range(1, 51)):
        other = offer_on(edition, sales_context, later)
        if later == offer.changes_on:
            assert without_date(other) != without_date(offer)
            offer = other
        assert other == offer


@given(edition=editions, sales_context=sales_context, day=near)
def test_price_of_an_offer_is_valid_for_currency_and_day(edition, sales_context, day):
    offer = offer_on(edition, sales_context, day)
    if offer.state in {SaleState.BUY, SaleState.PREORDER}:
        assert offer.price is not None
    if offer.price is not None:
        assert unpayable_reason(offer.price) is None
        assert any(
            price.currency == offer.price.currency == sales_context.currency
            and price.type in RETAIL
            and price.amount <= offer.price.amount
            and offer.fixed == price.fixed
            and (price.starts or date.min) <= day <= (price.ends or date.max)
            for price in (*edition.prices, *(p for o in edition.offers for p in o.prices))
        )


@given(edition=editions, sales_context=sales_context, day=near)
def test_book_under_embargo_is_never_on_sale(edition, sales_context, day):
    offer = offer_on(edition, sales_context, day)
    if edition.on_sale is not None and edition.on_sale > day:
        assert offer.state is not SaleState.BUY
        if offer.state is not SaleState.NOT_FOR_SALE:
            assert offer.release_date >= edition.on_sale
    else:
        assert offer.release_date is None or offer.release_date > day


@given(
    amount=st.integers(0, 10**9), percent=st.decimals(0, 50, places=2), type=st.sampled_from(RETAIL)
)
def test_excluded_tax_is_added_and_rounded_to_the_minor_unit(amount, percent, type):  # noqa: A002 - the field's name
    price = Price("GBP", amount, type=type, tax_percent=str(percent))
    with_tax = price_of(price, published=TOMORROW)
    if with_tax is None:
        assert unpayable_prices_of(price)
    elif price.includes_tax:
        assert with_tax == amount
    else:
        exact = amount * (1 + Fraction(percent) / 100)
        assert exact - Fraction(1, 2) < with_tax <= exact + Fraction(1, 2)


@pytest.mark.parametrize(
    ("amount", "percent", "whole"),
    [
        (1000, "20", 1200),
        (597, "5.5", 630),
        # Halves go up, also where a float would have fallen below the half.
        (50, "5", 53),
        (70, "5", 74),
        (999, "0", 999),
    ],
)
def test_excluded_tax_is_rounded_half_up(amount, percent, whole):
    assert price_of(Price("GBP", amount, type="01", tax_percent=percent)) == whole


@pytest.mark.parametrize("country", ["GB", "DE", "JP"])
@pytest.mark.parametrize("rate", [None, "S"])
def test_a_price_whose_tax_cannot_be_worked_out_is_not_sold_untaxed(country, rate):
    net = Price("GBP", 999, type="01", tax=rate)
    context = SalesContext("GBP", country)
    assert price_of(net, sales_context=context) is None
    assert offer_on(edition(net), context, TODAY).state is SaleState.NOT_FOR_SALE
    assert price_of(net, Price("GBP", 1199), sales_context=context) == 1199


@pytest.mark.parametrize("country", ["US", "CA"])
def test_prices_are_shown_without_sales_tax_where_that_is_usual(country):
    net = Price("USD", 999, type="01")
    assert price_of(net, sales_context=SalesContext("USD", country)) == 999


@pytest.mark.parametrize(
    ("amount", "currency", "percent", "whole"),
    [
        (3990_00, "ISK", "11", 4429_00),  # 4428.90
        (3990_00, "ISK", "0", 3990_00),
        (5_125, "KWD", "0", 5_130),
        (5_120, "KWD", "5", 5_380),  # 5.376
        (4990, "JPY", "10", 5489),
    ],
)
def test_excluded_tax_results_in_an_amount_that_stripe_can_charge(amount, currency, percent, whole):
    price = Price(currency, amount, type="01", tax_percent=percent)
    assert price_of(price, sales_context=SalesContext(currency, None)) == whole


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        (20, "GBP", Unpayable.TOO_SMALL),
        (3990_50, "ISK", Unpayable.TOO_PRECISE),
        (5_125, "KWD", Unpayable.TOO_PRECISE),
        (100_000_000, "GBP", Unpayable.TOO_LARGE),
    ],
)
def test_price_that_stripe_cannot_charge_is_not_offered(amount, currency, reason):
    sales_context = SalesContext(currency, None)
    binding, payable = Price(currency, amount, type="04"), Price(currency, 5_000_00)
    offer = offer_on(edition(binding, payable), sales_context, TODAY)
    assert (offer.state, offer.price, offer.fixed) == (SaleState.NOT_FOR_SALE, None, False)
    assert not availability_of(offer.state, 5).can_buy
    assert unpayable_prices_of(binding, payable, sales_context=sales_context) == [
        (Money(amount, currency), reason)
    ]


def test_unpayable_price_of_a_preorder_is_not_offered():
    coming = edition(Price("GBP", 20), availability="10", published=TOMORROW)
    assert offer_on(coming, BRITISH, TODAY).state is SaleState.FORTHCOMING


@pytest.mark.parametrize(
    ("day", "amount"),
    [(YESTERDAY, 1000), (TODAY, 800), (TOMORROW, 800), (TOMORROW + DAY, 1000)],
)
def test_limited_price_is_valid_on_its_first_and_last_day(day, amount):
    offered = Price("GBP", 800, starts=TODAY, ends=TOMORROW)
    assert price_of(Price("GBP", 1000), offered, day=day) == amount


def test_later_start_takes_precedence():
    old, new = Price("GBP", 900, starts=TODAY - A_YEAR), Price("GBP", 950, starts=TODAY)
    assert price_of(old, new) == price_of(new, old) == 950
    assert price_of(new, old, day=YESTERDAY) == 900


def test_book_without_a_current_price_is_not_for_sale_until_the_next_one():
    past, coming = Price("GBP", 900, ends=YESTERDAY), Price("GBP", 950, starts=TOMORROW)
    offer = offer_on(edition(past, coming), BRITISH, TODAY)
    assert (offer.state, offer.price, offer.changes_on) == (SaleState.NOT_FOR_SALE, None, TOMORROW)


def test_price_may_end_on_the_last_representable_day():
    offer = offer_on(edition(Price("GBP", 900, ends=date.max)), BRITISH, TODAY)
    assert (offer.price, offer.changes_on) == (Money(900, "GBP"), None)


@pytest.mark.parametrize(("country", "amount"), [("GB", 800), ("IE", None), ("US", 1000)])
def test_price_for_the_country_takes_precedence(country, amount):
    listed = (
        Price("GBP", 1000, excluded=("GB", "IE")),
        Price("GBP", 800, countries=("GB", "JE")),
    )
    assert price_of(*listed, sales_context=SalesContext("GBP", country)) == amount


def test_price_in_another_currency_is_ignored():
    offer = offer_on(edition(Price("EUR", 1000)), BRITISH, TODAY)
    assert (offer.state, offer.price) == (SaleState.NOT_FOR_SALE, None)


@given(st.permutations([Price("GBP", 100 + index, type=code) for index, code in enumerate(RETAIL)]))
def test_most_binding_price_type_takes_precedence(listed):
    assert price_of(*listed, published=TOMORROW) == 100 + RETAIL.index("24")
    assert price_of(*listed) == 100 + RETAIL.index("04")


@pytest.mark.parametrize("code", sorted(set(LIST_58) - set(RETAIL)))
def test_trade_prices_are_ignored(code):
    assert price_of(Price("GBP", 500, type=code), published=TOMORROW) is None


@pytest.mark.parametrize("code", RETAIL)
def test_fixed_price_types_result_in_fixed_offers(code):
    price = Price("GBP", 500, type=code, tax_percent="0")
    offer = offer_on(edition(price, published=TOMORROW), BRITISH, TODAY)
    assert offer.fixed == (code in {"03", "04", "23", "24", "33", "34"})
    assert offer.fixed == (code in FIXED_BY_LAW)


@pytest.mark.parametrize("code", sorted(BEFORE_PUBLICATION))
def test_prepublication_price_ends_on_publication(code):
    usual, early = Price("GBP", 1000), Price("GBP", 800, type=code, tax_percent="0")
    coming = edition(usual, early, availability="10", published=TOMORROW)
    offer = offer_on(coming, BRITISH, TODAY)
    assert (offer.state, offer.price, offer.release_date) == (
        SaleState.PREORDER,
        Money(800, "GBP"),
        TOMORROW,
    )
    assert offer.changes_on == TOMORROW
    offer = offer_on(coming, BRITISH, TOMORROW)
    assert (offer.state, offer.price, offer.changes_on) == (SaleState.BUY, Money(1000, "GBP"), None)


def test_published_book_under_embargo_is_a_preorder():
    held_back = edition(Price("GBP", 1000), published=YESTERDAY, on_sale=TOMORROW)
    assert offer_on(held_back, BRITISH, TODAY).state is SaleState.PREORDER
    assert offer_on(held_back, BRITISH, TODAY).release_date == TOMORROW
    assert offer_on(held_back, BRITISH, TOMORROW).state is SaleState.BUY


@pytest.mark.parametrize("code", LIST_65)
@pytest.mark.parametrize("priced", [True, False])
@pytest.mark.parametrize("release_date", [None, YESTERDAY, TOMORROW])
def test_each_onix_availability_has_a_state(code, priced, release_date):
    listed = [Price("GBP", 1000)] if priced else []
    state = offer_on(
        edition(*listed, availability=code, published=release_date), BRITISH, TODAY
    ).state
    coming = release_date == TOMORROW
    if code in NOT_NOW:
        expected = SaleState.TEMPORARILY_UNAVAILABLE
    elif code == "09" or (code in FORTHCOMING and release_date is None):
        expected = SaleState.FORTHCOMING
    elif code not in FORTHCOMING | ORDERABLE:
        expected = SaleState.DISCONTINUED
    elif coming:
        expected = SaleState.PREORDER if priced else SaleState.FORTHCOMING
    else:
        expected = SaleState.BUY if priced else SaleState.NOT_FOR_SALE
    assert state is expected


@pytest.mark.parametrize("code", ["97", "98", "99", "77", ""])
def test_an_unknown_availability_is_not_no_longer_available(code):
    state = offer_on(edition(Price("GBP", 1000), availability=code), BRITISH, TODAY).state
    availability = availability_of(state, None)
    assert availability.code is AvailabilityCode.OUT_OF_STOCK
    assert not availability.can_buy


copies = st.none() | st.integers(-5, 1000)


@given(state=st.sampled_from(SaleState), free=copies)
def test_can_buy_depends_on_state_and_stock(state, free):
    availability = availability_of(state, free)
    allowed = state in {SaleState.BUY, SaleState.PREORDER}
    assert availability.can_buy == (allowed and (free is None or free > 0))
    assert availability.label == LABELS[availability.code]


@given(free=st.integers(-5, 50))
def test_stock_level_by_number_of_copies(free):
    assert availability_of(SaleState.BUY, free).code == (
        AvailabilityCode.IN_STOCK
        if free > LOW_STOCK
        else AvailabilityCode.LOW_STOCK
        if free > 0
        else AvailabilityCode.OUT_OF_STOCK
    )


@pytest.mark.parametrize("free", [None, 0, 1, 100])
@pytest.mark.parametrize(
    ("state", "code"),
    [
        (SaleState.FORTHCOMING, AvailabilityCode.FORTHCOMING),
        (SaleState.TEMPORARILY_UNAVAILABLE, AvailabilityCode.OUT_OF_STOCK),
        (SaleState.DISCONTINUED, AvailabilityCode.UNAVAILABLE),
    ],
)
def test_unavailable_states_ignore_stock(state, code, free):
    assert availability_of(state, free).code is code


@pytest.mark.parametrize(
    ("free", "code"),
    [
        (None, AvailabilityCode.PREORDER),
        (1, AvailabilityCode.PREORDER),
        (0, AvailabilityCode.OUT_OF_STOCK),
    ],
)
def test_preorder_needs_stock(free, code):
    assert availability_of(SaleState.PREORDER, free).code == code


def test_each_availability_has_its_own_label():
    assert set(LABELS) == set(AvailabilityCode)
    assert len({str(label) for label in LABELS.values()}) == len(AvailabilityCode)
