"""Amounts that are split without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.pricing.allocation import allocate, cumulative_share


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (690, [1070, 2380], [214, 476]),
        (1, [5, 5], [1, 0]),
        (0, [0, 0], [0, 0]),
        (0, [], []),
        (7, [0, 3], [0, 7]),
        (5, [2, 3, 0], [2, 3, 0]),
    ],
)
def test_parts_follow_the_largest_remainder(amount, weights, parts):
    assert allocate(amount, weights) == parts


@pytest.mark.parametrize(("amount", "weights"), [(-1, [1]), (1, [2, -1]), (1, [0]), (1, [])])
def test_what_cannot_be_split_is_refused(amount, weights):
    with pytest.raises(ValueError, match="cannot be split"):
        allocate(amount, weights)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**7), min_size=1, max_size=9))
def test_parts_add_up_and_are_near_their_proportion(amount, weights):
    if not any(weights):
        weights[0] = 1
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


@given(st.integers(0, 10**9), st.integers(1, 60))
def test_differences_of_cumulative_shares_add_up(amount, whole):
    shares = [cumulative_share(amount, whole, part) for part in range(whole + 1)]
    assert (shares[0], shares[-1]) == (0, amount)
    assert shares == sorted(shares)
