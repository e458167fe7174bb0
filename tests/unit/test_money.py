"""Money: what is written is what is stored, to the digit, and no float comes near it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from bookshop.money import (
    THREE_DECIMAL,
    WHOLE_UNITS_ONLY,
    ZERO_DECIMAL,
    AmountError,
    Money,
    currency_signs,
    decimals,
    known_currencies,
    read_amount,
)

# Groups by dot, comma, blank and apostrophe, in threes and in twos; written from right to left.
LOCALES = ["en_GB", "en_US", "de_DE", "de_CH", "fr_FR", "ja_JP", "en_IN", "ar_EG", "fa_IR", "pl_PL"]
ALL = sorted(known_currencies())

currencies = st.sampled_from(ALL)
amounts = st.integers(min_value=0, max_value=10**12)


def digits(text: str) -> str:
    """The digits in `text`, so that amounts can be read back."""
    return "".join(letter for letter in text if letter.isdecimal())


@given(amount=amounts, currency=currencies, locale=st.sampled_from(LOCALES))
def test_formatted_amounts_have_the_stored_digits(amount, currency, locale):
    if currency in WHOLE_UNITS_ONLY:
        amount *= 100
    written = digits(Money(amount, currency).format(locale))
    if currency in WHOLE_UNITS_ONLY:
        written += "00"
    assert int(written) == amount


@pytest.mark.parametrize("locale", LOCALES)
def test_every_currency_is_formatted_with_stripes_decimals(locale):
    point = Locale.parse(locale).number_symbols["latn"]["decimal"]
    for currency in ALL:
        shown = 0 if currency in WHOLE_UNITS_ONLY else decimals(currency)
        written = Money(10 ** decimals(currency), currency).format(locale)
        assert digits(written) == "1" + "0" * shown
        assert (f"1{point}{'0' * shown}" if shown else "1") in written


@pytest.mark.parametrize(
    ("amount", "currency", "locale", "written"),
    [
        (1299, "GBP", "en_GB", "£12.99"),
        (1299, "EUR", "de_DE", "12,99\N{NO-BREAK SPACE}€"),
        (1500, "JPY", "ja_JP", "￥1,500"),
        (3500, "KWD", "en_GB", "KWD3.500"),
        (150000, "ISK", "en_GB", "ISK1,500"),
        (100000, "HUF", "hu_HU", "1\N{NO-BREAK SPACE}000,00\N{NO-BREAK SPACE}Ft"),
        (1, "USD", "en_US", "$0.01"),
        (12345678900, "INR", "en_IN", "₹12,34,56,789.00"),
    ],
)
def test_formats_by_locale(amount, currency, locale, written):
    assert Money(amount, currency).format(locale) == written


def test_formatting_one_currency_does_not_change_the_locales_other_formats():
    before = Money(123456, "GBP").format("en_GB")
    Money(123456, "JPY").format("en_GB")
    Money(123456, "KWD").format("en_GB")
    assert Money(123456, "GBP").format("en_GB") == before == "£1,234.56"


@given(amount=amounts, currency=currencies)
def test_value_and_amount_are_equivalent(amount, currency):
    value = Money(amount, currency).value
    assert isinstance(value, Decimal)
    assert Fraction(value) * 10 ** decimals(currency) == amount


def test_adding_pennies_is_exact():
    for amount in range(1, 100_000):
        assert str(Money(amount, "GBP").value) == f"{amount // 100}.{amount % 100:02}"


@given(parts=st.lists(amounts, min_size=1), currency=currencies)
def test_sums_do_not_depend_on_the_order(parts, currency):
    def total(found):
        result = Money(0, currency)
        for part in found:
            result = result + Money(part, currency)
        return result

    assert total(parts) == total(reversed(parts)) == Money(sum(parts), currency)


@given(amount=amounts, quantity=st.integers(0, 999), currency=currencies)
def test_multiples_equal_repeated_sums(amount, quantity, currency):
    one = Money(amount, currency)
    assert one * quantity == Money(sum([amount] * quantity), currency)


@given(amounts, currencies, amounts, currencies)
def test_currencies_cannot_be_added(first, one, second, other):
    if one == other:
        assert (Money(first, one) + Money(second, other)).amount == first + second
    else:
        with pytest.raises(ValueError, match=f"{one}.*{other}"):
            Money(first, one) + Money(second, other)


@given(
    st.one_of(
        st.floats(), st.booleans(), st.decimals(), st.text(), st.none(), st.fractions(), st.binary()
    )
)
def test_amounts_must_be_ints(amount):
    with pytest.raises(TypeError, match=r"\bint\b"):
        Money(amount, "GBP")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_factors_must_be_ints(factor):
    with pytest.raises(TypeError):
        Money(999, "GBP") * factor


def test_money_is_frozen():
    with pytest.raises(AttributeError):
        Money(1, "GBP").amount = 2


def test_decimals_are_those_of_stripe():
    # https://docs.stripe.com/currencies: the forint, Taiwan's dollar, and two in name only.
    assert {code: decimals(code) for code in ("GBP", "JPY", "KWD", "HUF", "TWD", "ISK", "UGX")} == {
        "GBP": 2,
        "JPY": 0,
        "KWD": 3,
        "HUF": 2,
        "TWD": 2,
        "ISK": 2,
        "UGX": 2,
    }
    assert not ZERO_DECIMAL & THREE_DECIMAL
    assert not WHOLE_UNITS_ONLY & (ZERO_DECIMAL | THREE_DECIMAL)


def test_known_currencies_are_in_use_today():
    assert {"GBP", "EUR", "USD", "JPY", "KWD", "CHF"} | ZERO_DECIMAL | THREE_DECIMAL <= set(ALL)
    assert not {"DEM", "FRF", "XXX", "XTS", "gbp", ""} & set(ALL)
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in ALL)


@given(st.sampled_from(ALL), st.integers(0, 10**12))
def test_amounts_with_a_point_are_parsed_exactly(currency, amount):
    if currency in WHOLE_UNITS_ONLY:
        amount -= amount % 100
        assert read_amount(str(amount // 100), currency) == Money(amount, currency)
    else:
        assert read_amount(f"{Money(amount, currency).value:f}", currency).amount == amount


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("12.5", "GBP", 1250), ("0.1", "KWD", 100), ("012", "EUR", 1200), ("500", "JPY", 500)],
)
def test_decimals_may_be_omitted(text, currency, amount):
    assert read_amount(text, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("12.9900", "GBP", 1299), ("1500.00", "JPY", 1500), ("1500.0", "ISK", 150000)],
)
def test_zeros_after_the_last_decimal_are_accepted(text, currency, amount):
    assert read_amount(text, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("currency", "own", "others"),
    [
        ("GBP", {"£", "GBP"}, {"$", "€", "¥"}),
        ("USD", {"$", "US$", "USD"}, {"£", "€"}),
        ("CAD", {"$", "CA$"}, {"US$", "A$"}),
        ("JPY", {"¥", "￥"}, {"$", "CN¥"}),
        ("PLN", {"zł"}, {"Kč"}),
    ],
)
def test_signs_of_a_currency_are_those_of_cldr(currency, own, others):
    assert own <= currency_signs(currency)
    assert not others & currency_signs(currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *((text, "GBP") for text in ("", " 1", "1 ", "+1", "-1", ".5", "5.", "1.234", "1,5")),
        *((text, "GBP") for text in ("1_000", "1e3", "NaN", "Infinity", "0x1", "£1", "\u0661")),
        ("1.5", "JPY"),
        ("1.50", "ISK"),
        ("1.2345", "KWD"),
        ("1" * 16, "GBP"),
    ],
)
def test_invalid_amounts_are_refused(text, currency):
    with pytest.raises(AmountError, match=rf"{currency}.*12"):
        read_amount(text, currency)
