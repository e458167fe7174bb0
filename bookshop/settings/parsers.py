"""Parsers of single values: each takes text and returns a typed value, or raises ValueError."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babel import Locale, UnknownLocaleError
from email_validator import EmailNotValidError, validate_email
from limits import RateLimitItem, parse_many
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from bookshop.countries import country_code
from bookshop.money import known_currencies
from bookshop.payment_limits import CURRENCIES

Parser = Callable[[str], Any]
MIN_SECRET_BYTES = 32
MAX_SECONDS = 60
MAX_PORT = 65535


class Secret:
    """A string that logs, tracebacks and `repr` do not contain."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


def text(raw: str) -> str:
    """Return the text unchanged."""
    return raw


def web_address(raw: str) -> str:
    """Return an http(s) address without its trailing slash."""
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not a web address that begins with http:// or https://")
    if parts.username or parts.query or parts.fragment:
        raise ValueError("must be an address without user, query or fragment")
    return f"{parts.scheme}{raw[len(parts.scheme) :]}".rstrip("/")


def host(raw: str) -> str:
    """Return a host name or IP address."""
    try:
        valid = re.fullmatch(r"[\w.-]+|[0-9A-Fa-f:]+", raw) and raw.encode("idna")
    except UnicodeError:
        valid = None
    if not valid:
        raise ValueError(f"{raw!r} is not a host name, such as smtp.example.com")
    return raw


def is_loopback(host_name: str) -> bool:
    """Return True if the host is this machine: `localhost` or a loopback address."""
    try:
        return ipaddress.ip_address(host_name).is_loopback
    except ValueError:
        return host_name == "localhost"


def port(raw: str) -> int:
    """Return a TCP port."""
    if not re.fullmatch(r"\d{1,5}", raw) or not 0 < int(raw) <= MAX_PORT:
        raise ValueError(f"{raw!r} is not a port from 1 to {MAX_PORT}")
    return int(raw)


def mail_security(raw: str) -> str:
    """Return the encryption of the connection to the mail server."""
    return _one_of(raw, "starttls", "tls", "none")


def locale(raw: str) -> str:
    """Return a locale of CLDR, such as en_GB."""
    try:
        return str(Locale.parse(raw.replace("-", "_")))
    except (UnknownLocaleError, ValueError) as err:
        raise ValueError(f"{raw!r} is not a locale, such as en_GB or de_DE") from err


def country(raw: str) -> str:
    """Return an ISO 3166 code of two letters."""
    code = country_code(raw)
    if code is None:
        raise ValueError(f"{raw!r} is not the ISO 3166 code of a country, such as GB or DE")
    return code


def currency(raw: str) -> str:
    """Return an ISO 4217 code in use today, in which Stripe charges."""
    if raw.upper() not in known_currencies():
        raise ValueError(f"{raw!r} is not the ISO 4217 code of a currency, such as GBP or EUR")
    if raw.upper() not in CURRENCIES:
        raise ValueError(f"{raw!r} is a currency in which Stripe does not charge")
    return raw.upper()


def email(raw: str) -> str:
    """Return an e-mail address. Its deliverability is not checked."""
    try:
        checked = validate_email(raw, check_deliverability=False, test_environment=True)
    except EmailNotValidError as err:
        raise ValueError(f"{raw!r} is not an e-mail address") from err
    return checked.normalized


def signing_secret(raw: str) -> Secret:
    """Return a secret of 32 bytes or more that does not repeat a few characters."""
    size = len(raw.encode())
    if size < MIN_SECRET_BYTES:
        message = f"has {size} bytes; {MIN_SECRET_BYTES} or more are required: openssl rand -hex 32"
        raise ValueError(message)
    if len(set(raw)) < MIN_SECRET_BYTES // 4:
        raise ValueError("repeats a few characters; it must be random: openssl rand -hex 32")
    return Secret(raw)


def folder(raw: str) -> Path:
    """Return a folder's absolute path. It is created when it is first used."""
    path = Path(raw).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{raw!r} is a file, not a folder")
    return path


def existing_folder(raw: str) -> Path:
    """Return a folder that exists."""
    path = folder(raw)
    if not path.is_dir():
        raise ValueError(f"{raw!r} does not exist, or is not a folder")
    return path


def environment(raw: str) -> str:
    """Return the environment."""
    return _one_of(raw, "development", "staging", "production")


def database_url(raw: str) -> URL:
    """Return the URL of a SQLite file or a PostgreSQL database. Its `str` hides the password."""
    try:
        url = make_url(raw)
    except (ArgumentError, ValueError) as err:
        raise ValueError("is not a database URL") from err
    if url.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise ValueError(f"{url.drivername!r} is neither sqlite nor postgresql+psycopg")
    if url.get_backend_name() == "postgresql" and find_spec("psycopg") is None:
        message = "needs psycopg, which is not installed: pip install 'bookshop[postgresql]'"
        raise ValueError(message)
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise ValueError("is in memory, where orders would be lost: name a file")
    return url


def stripe_secret_key(raw: str) -> Secret:
    """Return a secret key (sk_) or a restricted key (rk_)."""
    if not re.fullmatch(r"[sr]k_(test|live)_\S+", raw):
        message = "is not a secret key: those begin with sk_test_, sk_live_, rk_test_ or rk_live_"
        raise ValueError(message)
    return Secret(raw)


def stripe_publishable_key(raw: str) -> str:
    """Return a publishable key, which is public."""
    if not re.fullmatch(r"pk_(test|live)_\S+", raw):
        raise ValueError("is not a publishable key: those begin with pk_test_ or pk_live_")
    return raw


def is_live(key: str) -> bool:
    """Return True if a Stripe key is a live key."""
    return key[2:].startswith("_live_")


def webhook_secrets(raw: str) -> tuple[Secret, ...]:
    """Return the signing secrets, separated by spaces or commas; several while one is replaced."""
    secrets = raw.replace(",", " ").split()
    if not secrets or not all(re.fullmatch(r"whsec_\S+", secret) for secret in secrets):
        raise ValueError("contains a secret that does not begin with whsec_")
    return tuple(Secret(secret) for secret in secrets)


def limit_storage(raw: str) -> str:
    """Return where requests are counted for rate limits."""
    return _one_of(raw, "memory", "database")


def rate(raw: str) -> RateLimitItem:
    """Return a rate limit, see https://limits.readthedocs.io/en/stable/quickstart.html."""
    try:
        [limit] = parse_many(raw)
    except ValueError:
        limit = None
    if limit is None or limit.amount < 1:
        raise ValueError(f"{raw!r} is not a rate, such as 30/hour or 5 per 10 minutes")
    return limit


def seconds(raw: str) -> float:
    """Return a time in seconds, more than 0 and at most 60."""
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    if not 0 < value <= MAX_SECONDS:
        message = f"{raw!r} is not a number of seconds, more than 0 and at most {MAX_SECONDS}"
        raise ValueError(message)
    return value


def count(raw: str) -> int:
    """Return a whole number from 0 to 9999."""
    if not re.fullmatch(r"\d{1,4}", raw):
        raise ValueError(f"{raw!r} is not a whole number from 0 to 9999")
    return int(raw)


def positive_count(raw: str) -> int:
    """Return a whole number from 1 to 9999."""
    value = count(raw)
    if value == 0:
        raise ValueError("must be 1 or more")
    return value


def _one_of(raw: str, *names: str) -> str:
    if raw not in names:
        raise ValueError(f"{raw!r} is not {', '.join(names[:-1])} or {names[-1]}")
    return raw
