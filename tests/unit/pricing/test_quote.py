"""The price of an order: totals, postage, and tax that is rounded once for each rate.

The cases are bugs of other shops, with the right values.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.pricing.quote import Charge, ChargeSplit, PricedLine, quote
from bookshop.pricing.tax import UNTAXED, PriceMode, TaxCode, TaxRate


def rate(percent):
    return TaxRate(Decimal(percent), TaxCode.STANDARD, "DE")


def line(quantity, unit_price, percent, discount=0):
    return PricedLine("SKU", quantity, unit_price, rate(percent), discount)


def gross(*lines, charges=(), split=ChargeSplit.PRO_RATA):
    return quote("EUR", PriceMode.GROSS, lines, charges, split)


def net(*lines, charges=(), split=ChargeSplit.PRO_RATA):
    return quote("EUR", PriceMode.NET, lines, charges, split)


def groups(found):
    return {str(group.rate.percent): (group.gross, group.net, group.tax) for group in found.groups}


def charges(found):
    return [(str(share.rate.percent), share.gross, share.tax) for share in found.charges]


# --- rounding


def test_totals_after_a_fee_are_those_of_a_new_computation():
    found = gross(line(2, 3400, 7), charges=[Charge("fee", 207)])
    assert groups(found) == {"7": (7007, 6549, 458)}


def test_tax_is_rounded_once_for_each_rate_and_keeps_the_prices():
    found = gross(*(line(1, 10000, 19) for _ in range(5)))
    assert groups(found) == {"19": (50000, 42017, 7983)}
    assert [share.gross for share in found.lines] == [10000] * 5
    assert sorted(share.tax for share in found.lines) == [1596, 1596, 1597, 1597, 1597]


def test_net_of_a_line_is_computed_from_the_line_and_not_from_a_rounded_copy():
    assert groups(gross(line(2, 39900, 9))) == {"9": (79800, 73211, 6589)}


def test_tax_on_net_prices_is_that_of_their_sum():
    found = net(line(1, 8201, "2.6"), line(1, 8201, "2.6"))
    assert groups(found) == {"2.6": (16828, 16402, 426)}


def test_tax_on_several_copies_is_that_of_the_line():
    assert net(line(3, 475, 7)).lines[0].tax == 100


def test_parts_of_the_tax_add_up_to_it():
    found = net(*(line(1, price, "8.9") for price in (359, 23, 83, 34)))
    assert found.tax == 44
    assert sum(share.tax for share in found.lines) == 44


def test_halves_are_rounded_up_without_floats():
    assert rate(15).tax_on(3490) == 524


def test_tax_in_a_small_price_and_its_net_add_up():
    [share] = gross(line(1, 100, 13)).lines
    assert (share.net, share.tax) == (88, 12)


# --- postage


@pytest.mark.parametrize(
    ("book", "beans", "postage"),
    [((1, 1070, 7), (1, 2380, 19), 690)],
)
def test_tax_of_postage_follows_the_goods(book, beans, postage):
    found = gross(line(*book), line(*beans), charges=[Charge("postage", postage)])
    assert charges(found) == [("19", 476, 76), ("7", 214, 14)]


def test_postage_of_books_alone_has_their_rate():
    found = net(line(1, 2000, 7), charges=[Charge("postage", 1000)])
    assert charges(found) == [("7", 1070, 70)]


def test_postage_on_net_prices_follows_the_goods():
    found = net(line(1, 1000, 7), line(1, 2000, 19), charges=[Charge("postage", 600)])
    assert [(percent, tax) for percent, _gross, tax in charges(found)] == [("19", 76), ("7", 14)]


def test_postage_of_two_equal_halves_is_taxed_at_their_mean():
    found = gross(line(1, 1000, 10), line(1, 1000, 20), charges=[Charge("postage", 1000)])
    assert charges(found) == [("20", 500, 83), ("10", 500, 45)]


def test_postage_can_have_the_highest_rate():
    found = gross(
        line(1, 5000, 9),
        line(1, 100, 21),
        charges=[Charge("postage", 395)],
        split=ChargeSplit.HIGHEST,
    )
    assert charges(found) == [("21", 395, 69)]


@pytest.mark.parametrize("percent", [0, 7, 19, "5.5"])
def test_gross_postage_is_the_same_in_each_country(percent):
    found = gross(line(1, 2000, percent), charges=[Charge("postage", 675)])
    assert found.total == 2675


def test_free_goods_do_not_lose_their_postage():
    found = gross(line(1, 1000, 7, discount=1000), charges=[Charge("postage", 300)])
    assert (found.total, charges(found)) == (300, [("7", 300, 20)])


# --- discounts


def test_discount_is_taken_off_the_price_with_tax():
    assert groups(gross(line(1, 2500, 10, discount=500))) == {"10": (2000, 1818, 182)}


def test_tax_after_a_discount_is_not_in_whole_units():
    found = net(line(1, 10000, "9.5", discount=1500), charges=[Charge("postage", 895)])
    assert (found.tax, found.total) == (893, 10288)


# --- without tax, and revisions


def test_order_without_tax_settings_has_its_prices_only():
    found = quote("GBP", PriceMode.GROSS, [PricedLine("SKU", 2, 999, UNTAXED)])
    assert (found.total, found.tax) == (1998, 0)


def test_revision_changes_with_each_figure():
    found = {
        gross(line(1, 1000, 7)).revision,
        gross(line(1, 1001, 7)).revision,
        gross(line(1, 1000, 19)).revision,
        net(line(1, 1000, 7)).revision,
        gross(line(1, 1000, 7), charges=[Charge("postage", 1)]).revision,
    }
    assert len(found) == 5
    assert gross(line(1, 1000, 7)).revision in found


@pytest.mark.parametrize("percent", ["-1", "100"])
def test_rates_that_no_law_has_are_refused(percent):
    with pytest.raises(ValueError, match="percent"):
        rate(percent)


RATES = [rate(percent) for percent in ("0", "2.1", "5.5", "7", "19", "20", "25.5")]
LINES = st.builds(
    lambda quantity, price, rate, share: PricedLine(
        "SKU", quantity, price, rate, quantity * price * share // 100
    ),
    st.integers(1, 20),
    st.integers(0, 1_000_000),
    st.sampled_from(RATES),
    st.integers(0, 100),
)
BASKETS = st.lists(LINES, min_size=1, max_size=8)
CHARGES = st.lists(
    st.builds(Charge, st.sampled_from(["postage", "wrapping"]), st.integers(0, 9999))
)


@given(BASKETS, CHARGES, st.sampled_from(PriceMode), st.sampled_from(ChargeSplit))
def test_lines_charges_and_groups_agree_to_the_minor_unit(lines, charges, mode, split):
    found = quote("EUR", mode, lines, charges, split)
    shares = (*found.lines, *found.charges)
    assert sum(share.gross for share in shares) == found.total
    assert sum(share.tax for share in shares) == found.tax
    for part in (*shares, *found.groups):
        assert part.net + part.tax == part.gross
        assert part.net >= 0
        assert part.tax >= 0
    for group in found.groups:
        members = [share for share in shares if share.rate == group.rate]
        assert sum(share.gross for share in members) == group.gross
        assert sum(share.tax for share in members) == group.tax
    amounts = [line.amount for line in lines]
    entered = sum(amounts) + sum(charge.amount for charge in charges)
    if mode is PriceMode.GROSS:
        assert found.total == entered
        assert [share.gross for share in found.lines] == amounts
    else:
        assert sum(group.net for group in found.groups) == entered
        assert [share.net for share in found.lines] == amounts


@given(BASKETS, st.integers(0, 9999))
def test_tax_of_a_group_is_within_half_a_unit_of_the_exact_one(lines, postage):
    for group in gross(*lines, charges=[Charge("postage", postage)]).groups:
        percent = group.rate.percent
        exact = group.gross * percent / (100 + percent)
        assert abs(group.tax - exact) <= Decimal("0.5")
