"""Refunds of lines, charges and goodwill, which end at exactly zero."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.pricing.quote import Charge, PricedLine, quote
from bookshop.pricing.refunds import (
    Refundable,
    RefundExceedsOrderError,
    refund_goodwill,
    refund_quantities,
)
from bookshop.pricing.tax import PriceMode, TaxRate


def rate(percent):
    return TaxRate(Decimal(percent))


def sold(quantity, gross, percent, key="SKU"):
    return Refundable(key, rate(percent), gross, quantity)


def after(parts, shares, quantities=None):
    """The parts once these shares went back."""
    given_back = {(share.key, share.rate): share for share in shares}
    found = []
    for part in parts:
        share = given_back.get((part.key, part.rate))
        found.append(
            replace(
                part,
                refunded=part.refunded + (share.gross if share else 0),
                refunded_quantity=part.refunded_quantity + (share.quantity if share else 0),
            )
        )
    return found


def test_each_copy_of_a_line_is_refunded_and_the_last_one_ends_it():
    parts = [sold(3, 1000, 7)]
    amounts = []
    for _ in range(3):
        shares = refund_quantities(parts, {0: 1})
        parts = after(parts, shares)
        amounts += [(share.gross, share.net + share.tax) for share in shares]
    assert amounts == [(333, 333), (334, 334), (333, 333)]
    assert parts[0].left == 0


def test_refund_never_leaves_a_penny_or_goes_one_over():
    [whole] = refund_quantities([sold(1, 908, 21)], {0: 1})
    assert (whole.gross, whole.net, whole.tax) == (908, 750, 158)


def test_two_equal_lines_are_refunded_one_by_one():
    parts = [sold(1, 999, 23, "A"), sold(1, 999, 23, "B")]
    first = refund_quantities(parts, {0: 1})
    second = refund_quantities(after(parts, first), {1: 1})
    assert sum(share.tax for share in (*first, *second)) == rate(23).tax_in(1998)


def test_part_of_a_delivery_does_not_return_the_postage_and_the_whole_does():
    parts = [sold(2, 2000, 7), Refundable("postage", rate(7), 395)]
    assert [share.key for share in refund_quantities(parts, {0: 1})] == ["SKU"]
    assert sum(share.gross for share in refund_quantities(parts, {0: 2, 1: 1})) == 2395


def test_goodwill_is_split_by_rate():
    parts = [sold(1, 1000, 7, "BOOK"), sold(1, 3000, 19, "TOY")]
    shares = refund_goodwill(parts, 400)
    assert [(share.key, share.quantity, share.gross, share.tax) for share in shares] == [
        ("BOOK", 0, 100, 6),
        ("TOY", 0, 300, 48),
    ]


def test_goodwill_is_not_given_twice():
    parts = after([sold(1, 1000, 7)], refund_goodwill([sold(1, 1000, 7)], 400))
    [rest] = refund_quantities(parts, {0: 1})
    assert rest.gross == 600


@pytest.mark.parametrize("quantities", [{0: 3}, {0: -1}, {1: 2}])
def test_more_than_was_sold_is_refused(quantities):
    with pytest.raises(RefundExceedsOrderError):
        refund_quantities([sold(2, 2000, 7), sold(1, 500, 7)], quantities)


@pytest.mark.parametrize("amount", [1001, -1])
def test_more_goodwill_than_is_left_is_refused(amount):
    with pytest.raises(RefundExceedsOrderError):
        refund_goodwill([sold(1, 1000, 7)], amount)


LINES = st.lists(
    st.builds(
        lambda quantity, price, percent: (quantity, price, rate(percent)),
        st.integers(1, 6),
        st.integers(1, 50_000),
        st.sampled_from(["0", "5.5", "7", "19", "25.5"]),
    ),
    min_size=1,
    max_size=5,
)


@given(LINES, st.integers(0, 2000), st.sampled_from(PriceMode), st.data())
def test_every_sequence_of_refunds_ends_at_exactly_what_was_paid(lines, postage, mode, data):
    priced = [
        PricedLine(f"SKU-{number}", quantity, price, tax)
        for number, (quantity, price, tax) in enumerate(lines)
    ]
    order = quote("EUR", mode, priced, [Charge("postage", postage)])
    parts = [
        Refundable(share.key, share.rate, share.gross, line.quantity)
        for share, line in zip(order.lines, priced, strict=True)
    ] + [Refundable(share.key, share.rate, share.gross) for share in order.charges]
    given_back = []
    while any(part.left or part.refunded_quantity < part.quantity for part in parts):
        if data.draw(st.booleans()) and sum(part.left for part in parts):
            shares = refund_goodwill(
                parts, data.draw(st.integers(1, sum(part.left for part in parts)))
            )
        else:
            open_parts = [
                position
                for position, part in enumerate(parts)
                if part.refunded_quantity < part.quantity
            ]
            position = data.draw(st.sampled_from(open_parts or [0]))
            if not open_parts:
                shares = refund_goodwill(parts, sum(part.left for part in parts))
            else:
                shares = refund_quantities(parts, {position: 1})
        assert all(share.net + share.tax == share.gross >= 0 for share in shares)
        assert all(share.tax >= 0 for share in shares)
        given_back += shares
        parts = after(parts, shares)
    assert sum(share.gross for share in given_back) == order.total
    for group in order.groups:
        taxes = [share.tax for share in given_back if share.rate == group.rate]
        assert sum(taxes) == group.tax
