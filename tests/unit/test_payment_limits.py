"""What Stripe can charge: the limits agree with those of the sandbox, in every currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.money import THREE_DECIMAL, Money, known_currencies
from bookshop.payment_limits import (
    CURRENCIES,
    MAXIMUM,
    MINIMUM,
    Unpayable,
    describe,
    smallest_step,
    unpayable_reason,
)
from bookshop.sandbox.api.errors import ApiError
from bookshop.sandbox.objects import currencies as sandbox_currencies

amounts = st.integers(1, 20_000) | st.integers(MAXIMUM - 200, MAXIMUM + 200)


@pytest.mark.parametrize(
    ("amount", "currency", "reason"),
    [
        (29, "GBP", Unpayable.TOO_SMALL),
        (30, "GBP", None),
        (49, "JPY", Unpayable.TOO_SMALL),
        (17_499, "HUF", Unpayable.TOO_SMALL),
        (17_501, "HUF", None),  # whole units are for payouts only
        (1, "TWD", None),
        (0, "TWD", Unpayable.TOO_SMALL),
        (399_050, "ISK", Unpayable.TOO_PRECISE),
        (399_000, "ISK", None),
        (150, "UGX", Unpayable.TOO_PRECISE),
        (5_125, "KWD", Unpayable.TOO_PRECISE),
        (5_120, "KWD", None),
        (MAXIMUM, "GBP", None),
        (MAXIMUM + 1, "GBP", Unpayable.TOO_LARGE),
        (1000, "IRR", Unpayable.CURRENCY),
    ],
)
def test_reason_why_stripe_cannot_charge_an_amount(amount, currency, reason):
    assert unpayable_reason(Money(amount, currency)) is reason


@given(amount=amounts, currency=st.sampled_from(sorted(CURRENCIES)))
def test_sandbox_refuses_the_same_amounts(amount, currency):
    try:
        sandbox_currencies.check_amount(amount, currency.lower())
        refused = False
    except ApiError:
        refused = True
    assert refused == (unpayable_reason(Money(amount, currency)) is not None)


def test_sandbox_has_the_same_currencies():
    assert {code.upper() for code in sandbox_currencies.PRESENTMENT} == CURRENCIES
    assert set(MINIMUM) <= CURRENCIES
    assert THREE_DECIMAL <= CURRENCIES


@pytest.mark.parametrize("currency", sorted(CURRENCIES & known_currencies()))
def test_smallest_charge_of_each_currency_is_payable(currency):
    assert unpayable_reason(Money(20_000 * smallest_step(currency), currency)) is None


@pytest.mark.parametrize(
    ("reason", "currency", "amount"),
    [
        (Unpayable.TOO_SMALL, "GBP", "0.30 GBP"),
        (Unpayable.TOO_LARGE, "JPY", "99999999 JPY"),
        (Unpayable.TOO_PRECISE, "KWD", "0.010 KWD"),
        (Unpayable.TOO_PRECISE, "ISK", "1.00 ISK"),
        (Unpayable.CURRENCY, "IRR", "IRR"),
    ],
)
def test_description_names_the_limit(reason, currency, amount):
    assert amount in describe(reason, currency)
