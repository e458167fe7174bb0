"""What the checkout says about an address that it cannot use, and what Stripe is given."""

import pytest

from bookshop.checkout.email_address import InvalidEmailError, read_email, receipt_address


@pytest.mark.parametrize(
    ("raw", "part"),
    [
        ("a..b@docomo.ne.jp", "“..”"),
        (".ab@docomo.ne.jp", "dot"),
        ("ab.@docomo.ne.jp", "dot"),
        ("ada", "@"),
        ("ada@home@mail.example", "more than one @"),
        ("ada lovelace@mail.example", "space"),
        ("ada,b@mail.example", "“,”"),
        ("<ada@mail.example>", "“<”"),
        ("ada@mail_box.example", "“_”"),
        ("ada@mail", "“mail”"),
        ("ada@" + "x" * 260 + ".example", "too long"),
        ("@mail.example", "name@example.com"),
        ("", "Enter"),
    ],
)
def test_the_problem_names_what_is_in_the_way(raw, part):
    with pytest.raises(InvalidEmailError) as refused:
        read_email(raw)
    assert part in refused.value.text.interpolate()


def test_an_address_is_normalised():
    assert read_email(" Ada@MAIL.example.com ") == "Ada@mail.example.com"


@pytest.mark.parametrize(
    ("email", "given"),
    [
        ("ada@mail.example", "ada@mail.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("jöran@mail.example", ""),
    ],
)
def test_stripe_is_given_the_address_in_ascii_or_none(email, given):
    assert receipt_address(email) == given
