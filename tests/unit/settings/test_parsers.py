"""Single values of the INI: text in, typed value out, ValueError in plain words."""

import contextlib
import pickle
from pathlib import Path

import limits
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.settings import parsers
from bookshop.settings.parsers import Secret

RANDOM = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


# --- Secret


@given(st.text(min_size=9))
def test_a_secret_is_not_in_its_text_or_repr(text):
    secret = Secret(text)
    shown = f"{secret} {secret!r} {[secret]} {secret:}"
    assert shown == "Secret(…) Secret(…) [Secret(…)] Secret(…)"
    assert secret.reveal() == text


def test_a_secret_cannot_be_dumped():
    with pytest.raises(TypeError):
        vars(Secret("hush-hush"))
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(Secret("hush-hush"), protocol=0)


# --- what is taken


@pytest.mark.parametrize(
    ("parse", "raw", "value"),
    [
        (parsers.text, "The Shop", "The Shop"),
        (parsers.web_address, "https://books.example", "https://books.example"),
        (parsers.web_address, "http://localhost:6543/", "http://localhost:6543"),
        (parsers.web_address, "https://example.com/shop/", "https://example.com/shop"),
        (parsers.web_address, "HTTPS://Books.Example", "https://Books.Example"),
        (parsers.locale, "en_GB", "en_GB"),
        (parsers.locale, "pt-BR", "pt_BR"),
        (parsers.locale, "de", "de"),
        (parsers.currency, "GBP", "GBP"),
        (parsers.currency, "kwd", "KWD"),
        (parsers.email, "hello@books.example", "hello@books.example"),
        (parsers.email, "Hello@BOOKS.test", "Hello@books.test"),
        (parsers.environment, "staging", "staging"),
        (parsers.stripe_publishable_key, "pk_test_123", "pk_test_123"),
        (parsers.seconds, "0.5", 0.5),
        (parsers.seconds, "60", 60.0),
        (parsers.count, "0", 0),
        (parsers.positive_count, "12", 12),
        (parsers.limit_storage, "database", "database"),
        (parsers.rate, "30/hour", limits.parse("30/hour")),
        (parsers.rate, "5 per 10 minutes", limits.parse("5 per 10 minutes")),
    ],
)
def test_valid_values_are_parsed(parse, raw, value):
    assert parse(raw) == value


@pytest.mark.parametrize("raw", ["sk_test_123", "sk_live_123", "rk_test_123", "rk_live_123"])
def test_secret_keys_and_restricted_keys_are_parsed_as_secrets(raw):
    secret = parsers.stripe_secret_key(raw)
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
def test_several_webhook_secrets_are_parsed(raw, expected):
    assert [secret.reveal() for secret in parsers.webhook_secrets(raw)] == expected


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
    assert parsers.is_live(key) is live


def test_a_folder_is_absolute_and_not_created(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert parsers.folder("var") == tmp_path / "var"
    assert parsers.folder("~/var") == tmp_path / "home" / "var"
    assert list(tmp_path.iterdir()) == []
    assert parsers.folder(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    "raw",
    [
        "sqlite:///shop.sqlite",
        "sqlite+pysqlite:////var/shop.sqlite",
        "postgresql+psycopg://user:hush-hush@localhost/shop",
    ],
)
def test_supported_databases(raw):
    url = parsers.database_url(raw)
    assert "hush" not in f"{url} {url!r}"
    assert url.render_as_string(hide_password=False) == raw


@given(st.binary(min_size=32))
def test_random_bytes_in_hex_are_a_signing_secret(drawn):
    raw = drawn.hex()
    if len(set(raw)) >= 8:
        assert parsers.signing_secret(raw).reveal() == raw
    else:
        with pytest.raises(ValueError, match="openssl rand -hex 32"):
            parsers.signing_secret(raw)


@given(st.integers(0, 9999))
def test_counts(number):
    assert parsers.count(str(number)) == number


@given(st.floats(0, 60, exclude_min=True))
def test_seconds_up_to_a_minute(number):
    assert parsers.seconds(repr(number)) == number


# --- what is refused


@pytest.mark.parametrize(
    ("parse", "raw", "problem"),
    [
        (parsers.web_address, "books.example", "not a web address"),
        (parsers.web_address, "ftp://books.example", "not a web address"),
        (parsers.web_address, "https://", "not a web address"),
        (parsers.web_address, "https://me@books.example", "without user, query or fragment"),
        (parsers.web_address, "https://books.example?a=b", "without user, query or fragment"),
        (parsers.web_address, "https://books.example#top", "without user, query or fragment"),
        (parsers.locale, "xx_YY", "'xx_YY' is not a locale"),
        (parsers.locale, "!", "is not a locale"),
        (parsers.currency, "DEM", "'DEM' is not the ISO 4217 code"),
        (parsers.currency, "pounds", "is not the ISO 4217 code"),
        (parsers.currency, "IRR", "'IRR' is a currency in which Stripe does not charge"),
        (parsers.email, "hello", "'hello' is not an e-mail address"),
        (parsers.email, "a@b@c.example", "is not an e-mail address"),
        (parsers.environment, "Production", "is not development, staging or production"),
        (parsers.database_url, "shop.sqlite", "is not a database URL"),
        (parsers.database_url, "sqlite://", "is in memory"),
        (parsers.database_url, "sqlite:///:memory:", "is in memory"),
        (parsers.database_url, "mysql://localhost/shop", "neither sqlite nor postgresql"),
        (parsers.database_url, "postgresql://localhost/shop", "neither sqlite nor postgresql"),
        (parsers.stripe_secret_key, "pk_test_1", "is not a secret key"),
        (parsers.stripe_secret_key, "sk_test_", "is not a secret key"),
        (parsers.stripe_secret_key, "sk_test_a b", "is not a secret key"),
        (parsers.stripe_publishable_key, "sk_test_1", "is not a publishable key"),
        (parsers.webhook_secrets, "whsec_one secret", "does not begin with whsec_"),
        (parsers.webhook_secrets, "whsec_", "does not begin with whsec_"),
        (parsers.webhook_secrets, ",", "does not begin with whsec_"),
        (parsers.seconds, "soon", "is not a number of seconds"),
        (parsers.seconds, "0", "is not a number of seconds"),
        (parsers.seconds, "-1", "is not a number of seconds"),
        (parsers.seconds, "61", "is not a number of seconds"),
        (parsers.seconds, "nan", "is not a number of seconds"),
        (parsers.seconds, "inf", "is not a number of seconds"),
        (parsers.count, "-1", "is not a whole number"),
        (parsers.count, "1.5", "is not a whole number"),
        (parsers.count, "10000", "is not a whole number"),
        (parsers.positive_count, "0", "must be 1 or more"),
        (parsers.limit_storage, "redis", "not memory or database"),
        (parsers.rate, "often", "is not a rate"),
        (parsers.rate, "0/hour", "is not a rate"),
        (parsers.rate, "-1/hour", "is not a rate"),
        (parsers.rate, "3/hour; 9/day", "is not a rate"),
        (parsers.existing_folder, "/nowhere/at/all", "does not exist"),
        (parsers.folder, str(Path(__file__)), "is a file, not a folder"),
        (
            parsers.signing_secret,
            RANDOM[:31],
            "has 31 bytes; 32 or more are required: openssl rand -hex 32",
        ),
        (parsers.signing_secret, "abcd" * 16, "repeats a few characters"),
    ],
)
def test_refusal_texts(parse, raw, problem):
    with pytest.raises(ValueError, match=problem):
        parse(raw)


def test_postgresql_requires_its_driver(monkeypatch):
    monkeypatch.setattr(parsers, "find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"pip install 'bookshop\[postgresql\]'"):
        parsers.database_url("postgresql+psycopg://localhost/shop")


@given(st.text())
def test_parsers_raise_nothing_but_value_errors(raw):
    for parse in (
        parsers.web_address,
        parsers.locale,
        parsers.currency,
        parsers.email,
        parsers.environment,
        parsers.database_url,
        parsers.stripe_secret_key,
        parsers.stripe_publishable_key,
        parsers.webhook_secrets,
        parsers.signing_secret,
        parsers.seconds,
        parsers.positive_count,
    ):
        with contextlib.suppress(ValueError):
            parse(raw)
