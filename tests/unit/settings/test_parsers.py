"""Single values of the INI: text in, typed value out, ValueError in plain words."""

import contextlib
import pickle
from pathlib import Path

import limits
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.settings import parsers as values
from bookshop.settings.parsers import Secret

RANDOM = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


# --- Secret


@given(st.text(min_size=9))
def test_a_secret_does_not_show_itself(text):
    secret = Secret(text)
    shown = f"{secret} {secret!r} {[secret]} {secret:}"
    assert shown == "Secret(…) Secret(…) [Secret(…)] Secret(…)"
    assert secret.reveal() == text


def test_a_secret_has_no_dictionary_to_be_dumped():
    with pytest.raises(TypeError):
        vars(Secret("hush-hush"))
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(Secret("hush-hush"), protocol=0)


# --- what is taken


@pytest.mark.parametrize(
    ("parse", "raw", "value"),
    [
        (values.text, "The Shop", "The Shop"),
        (values.web_address, "https://books.example", "https://books.example"),
        (values.web_address, "http://localhost:6543/", "http://localhost:6543"),
        (values.web_address, "https://example.com/shop/", "https://example.com/shop"),
        (values.web_address, "HTTPS://Books.Example", "https://Books.Example"),
        (values.locale, "en_GB", "en_GB"),
        (values.locale, "pt-BR", "pt_BR"),
        (values.locale, "de", "de"),
        (values.currency, "GBP", "GBP"),
        (values.currency, "kwd", "KWD"),
        (values.email, "hello@books.example", "hello@books.example"),
        (values.email, "Hello@BOOKS.test", "Hello@books.test"),
        (values.environment, "staging", "staging"),
        (values.stripe_publishable_key, "pk_test_123", "pk_test_123"),
        (values.seconds, "0.5", 0.5),
        (values.seconds, "60", 60.0),
        (values.count, "0", 0),
        (values.positive_count, "12", 12),
        (values.limit_storage, "database", "database"),
        (values.rate, "30/hour", limits.parse("30/hour")),
        (values.rate, "5 per 10 minutes", limits.parse("5 per 10 minutes")),
    ],
)
def test_what_is_right_is_taken(parse, raw, value):
    assert parse(raw) == value


@pytest.mark.parametrize("raw", ["sk_test_123", "sk_live_123", "rk_test_123", "rk_live_123"])
def test_secret_keys_and_restricted_keys_are_secrets(raw):
    secret = values.stripe_secret_key(raw)
    assert secret.reveal() == raw
    assert raw not in repr(secret)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("whsec_one", ["whsec_one"]),
        ("whsec_one whsec_two", ["whsec_one", "whsec_two"]),
        ("whsec_one, whsec_two\n whsec_three", ["whsec_one", "whsec_two", "whsec_three"]),
    ],
)
def test_webhook_secrets_are_several_while_one_is_rolled(raw, expected):
    assert [secret.reveal() for secret in values.webhook_secrets(raw)] == expected


@pytest.mark.parametrize(
    ("key", "live"),
    [
        ("sk_live_1", True),
        ("rk_live_1", True),
        ("pk_live_1", True),
        ("sk_test_1", False),
        ("pk_test_live_1", False),
    ],
)
def test_the_mode_of_a_key(key, live):
    assert values.is_live(key) is live


def test_a_folder_is_absolute_and_not_made_yet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert values.folder("var") == tmp_path / "var"
    assert values.folder("~/var") == tmp_path / "home" / "var"
    assert list(tmp_path.iterdir()) == []
    assert values.folder(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    "raw",
    [
        "sqlite:///shop.sqlite",
        "sqlite+pysqlite:////var/shop.sqlite",
        "postgresql+psycopg://user:hush-hush@localhost/shop",
    ],
)
def test_databases_that_the_shop_knows(raw):
    url = values.database_url(raw)
    assert "hush" not in f"{url} {url!r}"
    assert url.render_as_string(hide_password=False) == raw


@given(st.binary(min_size=32))
def test_random_bytes_in_hex_sign(drawn):
    raw = drawn.hex()
    if len(set(raw)) >= 8:
        assert values.signing_secret(raw).reveal() == raw
    else:
        with pytest.raises(ValueError, match="repeats a few characters"):
            values.signing_secret(raw)


@given(st.integers(0, 9999))
def test_counts(number):
    assert values.count(str(number)) == number


@given(st.floats(0, 60, exclude_min=True))
def test_seconds_up_to_a_minute(number):
    assert values.seconds(repr(number)) == number


# --- what is refused


@pytest.mark.parametrize(
    ("parse", "raw", "problem"),
    [
        (values.web_address, "books.example", "not a web address"),
        (values.web_address, "ftp://books.example", "not a web address"),
        (values.web_address, "https://", "not a web address"),
        (values.web_address, "https://me@books.example", "without user, query or fragment"),
        (values.web_address, "https://books.example?a=b", "without user, query or fragment"),
        (values.web_address, "https://books.example#top", "without user, query or fragment"),
        (values.locale, "xx_YY", "'xx_YY' is not a locale"),
        (values.locale, "!", "is not a locale"),
        (values.currency, "DEM", "'DEM' is not the ISO 4217 code"),
        (values.currency, "pounds", "is not the ISO 4217 code"),
        (values.email, "hello", "'hello' is not an e-mail address"),
        (values.email, "a@b@c.example", "is not an e-mail address"),
        (values.environment, "Production", "none of development, staging and production"),
        (values.database_url, "shop.sqlite", "is not a database URL"),
        (values.database_url, "sqlite://", "is in memory"),
        (values.database_url, "sqlite:///:memory:", "is in memory"),
        (values.database_url, "mysql://localhost/shop", "neither sqlite nor postgresql"),
        (values.database_url, "postgresql://localhost/shop", "neither sqlite nor postgresql"),
        (values.stripe_secret_key, "pk_test_1", "is not a secret key"),
        (values.stripe_secret_key, "sk_test_", "is not a secret key"),
        (values.stripe_secret_key, "sk_test_a b", "is not a secret key"),
        (values.stripe_publishable_key, "sk_test_1", "is not a publishable key"),
        (values.webhook_secrets, "whsec_one secret", "does not begin with whsec_"),
        (values.webhook_secrets, "whsec_", "does not begin with whsec_"),
        (values.webhook_secrets, ",", "does not begin with whsec_"),
        (values.seconds, "soon", "is not a number of seconds"),
        (values.seconds, "0", "is not a number of seconds"),
        (values.seconds, "-1", "is not a number of seconds"),
        (values.seconds, "61", "is not a number of seconds"),
        (values.seconds, "nan", "is not a number of seconds"),
        (values.seconds, "inf", "is not a number of seconds"),
        (values.count, "-1", "is not a whole number"),
        (values.count, "1.5", "is not a whole number"),
        (values.count, "10000", "is not a whole number"),
        (values.positive_count, "0", "must be 1 or more"),
        (values.limit_storage, "redis", "neither memory nor database"),
        (values.rate, "often", "is not how often in which time"),
        (values.rate, "0/hour", "is not how often in which time"),
        (values.rate, "-1/hour", "is not how often in which time"),
        (values.rate, "3/hour; 9/day", "is not how often in which time"),
        (values.existing_folder, "/nowhere/at/all", "is no folder that is there"),
        (
            values.signing_secret,
            RANDOM[:31],
            "has 31 bytes; 32 or more are needed: openssl rand -hex 32",
        ),
        (values.signing_secret, "abcd" * 16, "repeats a few characters"),
    ],
)
def test_what_is_wrong_is_refused_in_words(parse, raw, problem):
    with pytest.raises(ValueError, match=problem):
        parse(raw)


def test_postgresql_needs_its_driver(monkeypatch):
    monkeypatch.setattr(values, "find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install 'bookshop\[postgresql\]'"):
        values.database_url("postgresql+psycopg://localhost/shop")


def test_a_file_is_no_folder():
    with pytest.raises(ValueError, match="is a file, not a folder"):
        values.folder(str(Path(__file__)))


@given(st.text())
def test_no_text_whatever_brings_a_parser_down(raw):
    for parse in (
        values.web_address,
        values.locale,
        values.currency,
        values.email,
        values.environment,
        values.database_url,
        values.stripe_secret_key,
        values.stripe_publishable_key,
        values.webhook_secrets,
        values.signing_secret,
        values.seconds,
        values.positive_count,
    ):
        with contextlib.suppress(ValueError):
            parse(raw)
