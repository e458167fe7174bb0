"""The signed link to an order: valid for one order, for a limited time."""

from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop import clock
from bookshop.orders.links import LIFE, is_valid_key, order_key, order_url
from bookshop.settings.parsers import Secret
from tests.unit.makers import NOW

NUMBER = "K7QM-2X9T-4BCD"
SHOP = SimpleNamespace(url="https://books.example.com", secret=Secret("0123456789abcdef" * 2))


@pytest.fixture(autouse=True)
def at(monkeypatch):
    """Sets the shop's clock."""

    def at(time):
        monkeypatch.setattr(clock, "now", lambda: time)

    at(NOW)
    return at


def test_link_opens_its_order():
    parts = urlsplit(order_url(SHOP, NUMBER))
    assert (parts.scheme, parts.netloc) == ("https", "books.example.com")
    assert parts.path == f"/orders/{NUMBER}"
    (key,) = parse_qs(parts.query)["key"]
    assert is_valid_key(SHOP, NUMBER, key)


def test_key_is_url_safe():
    key = order_key(SHOP, NUMBER)
    assert order_url(SHOP, NUMBER).endswith(f"?key={key}")
    assert NUMBER not in key


def test_link_expires(at):
    key = order_key(SHOP, NUMBER)
    at(NOW + LIFE)
    assert is_valid_key(SHOP, NUMBER, key)
    at(NOW + LIFE + timedelta(seconds=1))
    assert not is_valid_key(SHOP, NUMBER, key)


def test_link_signed_while_the_clock_was_ahead_is_valid(at):
    at(NOW + timedelta(days=2))
    key = order_key(SHOP, NUMBER)
    at(NOW)
    assert is_valid_key(SHOP, NUMBER, key)
    at(NOW + timedelta(days=2) - LIFE - timedelta(seconds=1))
    assert not is_valid_key(SHOP, NUMBER, key)


def test_key_of_another_order_is_invalid():
    assert not is_valid_key(SHOP, "0000-0000-0000", order_key(SHOP, NUMBER))


def test_key_of_another_shop_is_invalid():
    other = SimpleNamespace(url=SHOP.url, secret=Secret("fedcba9876543210" * 2))
    assert not is_valid_key(SHOP, NUMBER, order_key(other, NUMBER))


def test_key_cannot_be_split_at_another_place():
    key = order_key(SHOP, NUMBER)
    assert not is_valid_key(SHOP, "", f"{NUMBER}.{key}")
    assert not is_valid_key(SHOP, NUMBER[:-1], f"{NUMBER[-1]}.{key}")


@given(position=st.integers(0, 49), character=st.characters())
def test_altered_key_is_invalid(position, character):
    key = order_key(SHOP, NUMBER)
    altered = f"{key[:position]}{character}{key[position + 1 :]}"
    assert is_valid_key(SHOP, NUMBER, altered) == (altered == key)


@given(key=st.text())
def test_arbitrary_text_is_no_key(key):
    assert not is_valid_key(SHOP, NUMBER, key)
