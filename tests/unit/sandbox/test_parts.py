"""The small parts: test cards, currencies, form encoding, what is hidden."""

import pytest

from bookshop.sandbox.api import forms, redaction
from bookshop.sandbox.api.errors import ApiError
from bookshop.sandbox.objects import currencies, test_cards


def test_every_test_card_has_a_right_check_digit_and_a_behaviour():
    for number, card in test_cards.CARDS.items():
        assert test_cards.passes_luhn(number), number
        assert card.behaviour in test_cards.BEHAVIOURS
    assert set(test_cards.PAYMENT_METHODS.values()) <= set(test_cards.CARDS)


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4111111111111111", "visa"),
        ("5500000000000004", "mastercard"),
        ("340000000000009", "amex"),
        ("6011000000000004", "discover"),
        ("30000000000004", "diners"),
        ("3530111333300000", "jcb"),
        ("6220000000000003", "unionpay"),
        ("9999999999999995", "unknown"),
    ],
)
def test_brand_of_a_real_card_follows_from_its_prefix(number, brand):
    card = test_cards.recognise(number)

    assert (card.brand, card.behaviour) == (brand, "not_a_test_card")


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (1299, "gbp", "12.99 GBP"),
        (123456789, "jpy", "123,456,789 JPY"),
        (3500, "kwd", "3.500 KWD"),
        (5, "usd", "0.05 USD"),
    ],
)
def test_amounts_are_written_in_their_decimals(amount, currency, written):
    assert currencies.format_amount(amount, currency) == written


@pytest.mark.parametrize(
    ("encoded", "tree"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[b][0]=x&a[b][1]=y", {"a": {"b": {"0": "x", "1": "y"}}}),
        ("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
        ("a%5Bb%5D=%C3%A9", {"a": {"b": "é"}}),
        ("a=1&a=2", {"a": "2"}),
    ],
)
def test_forms(encoded, tree):
    assert forms.decode(encoded) == tree


@pytest.mark.parametrize(
    "encoded", ["[a]=1", "a]=1", "a[b[c]]=1", "=1", "a[b]=1&a=1", "a=1&a[b]=1"]
)
def test_forms_that_make_no_sense(encoded):
    with pytest.raises(ApiError):
        forms.decode(encoded)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4242 4242 4242 4242", "[hidden]"),
        ("card 4242-4242-4242-4242!", "card [hidden]!"),
        ("4242424242424243", "4242424242424243"),
        ("1699999999", "1699999999"),
        ("sk_test_abc", "sk_test_[hidden]"),
        ("pi_3x_secret_y", "pi_3x_secret_[hidden]"),
        ("Order 12", "Order 12"),
    ],
)
def test_logged_values_are_redacted(text, shown):
    assert redaction.for_log({"a": {"b": text}}) == {"a": {"b": shown}}


def test_logged_fields_are_redacted_by_name():
    sent = {"payment_method_data": {"card": {"number": "1", "cvc": "2", "exp_month": "3"}}}

    assert redaction.for_log(sent) == {
        "payment_method_data": {"card": {"number": "[hidden]", "cvc": "[hidden]", "exp_month": "3"}}
    }
