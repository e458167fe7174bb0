"""How a single value of the INI is read: text in, typed value out, ValueError in plain words."""

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

from bookshop.money import known_currencies

Parser = Callable[[str], Any]
MIN_SECRET_BYTES = 32
MAX_SECONDS = 60
MAX_PORT = 65535


class Secret:
    """A string that does not show itself in logs, tracebacks or `repr`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The string itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


def text(raw: str) -> str:
    """Any text."""
    return raw


def web_address(raw: str) -> str:
    """An http(s) address, without its trailing slash."""
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = "is not a web address that begins with http:// or https://"
        raise ValueError(message)
    if parts.username or parts.query or parts.fragment:
        message = "must be an address without user, query or fragment"
        raise ValueError(message)
    return f"{parts.scheme}{raw[len(parts.scheme) :]}".rstrip("/")


def host(raw: str) -> str:
    """The name or address of a machine, and nothing else."""
    try:
        known = re.fullmatch(r"[\w.-]+|[0-9A-Fa-f:]+", raw) and raw.encode("idna")
    except UnicodeError:
        known = None
    if not known:
        message = f"{raw!r} is not the name of a machine, such as smtp.example.com"
        raise ValueError(message)
    return raw


def is_loopback(machine: str) -> bool:
    """Whether that host is this machine, by a name or an address that says so itself."""
    try:
        return ipaddress.ip_address(machine).is_loopback
    except ValueError:
        return machine == "localhost"


def port(raw: str) -> int:
    """A TCP port."""
    if not re.fullmatch(r"\d{1,5}", raw) or not 0 < int(raw) <= MAX_PORT:
        message = f"{raw!r} is not a port, from 1 to {MAX_PORT}"
        raise ValueError(message)
    return int(raw)


def mail_security(raw: str) -> str:
    """How a connection to the mail server is kept private."""
    if raw not in {"starttls", "tls", "none"}:
        message = f"{raw!r} is none of starttls, tls and none"
        raise ValueError(message)
    return raw


def locale(raw: str) -> str:
    """A locale that CLDR knows, such as en_GB."""
    try:
        return str(Locale.parse(raw.replace("-", "_")))
    except (UnknownLocaleError, ValueError) as err:
        message = f"{raw!r} is not a locale, such as en_GB or de_DE"
        raise ValueError(message) from err


def currency(raw: str) -> str:
    """An ISO 4217 code in use today."""
    if raw.upper() not in known_currencies():
        message = f"{raw!r} is not the ISO 4217 code of a currency, such as GBP or EUR"
        raise ValueError(message)
    return raw.upper()


def email(raw: str) -> str:
    """An e-mail address; whether it can be delivered to is not asked."""
    try:
        checked = validate_email(raw, check_deliverability=False, test_environment=True)
    except EmailNotValidError as err:
        message = f"{raw!r} is not an e-mail address"
        raise ValueError(message) from err
    return checked.normalized


def signing_secret(raw: str) -> Secret:
    """A secret of 32 bytes or more, that is not one character over and over."""
    size = len(raw.encode())
    if size < MIN_SECRET_BYTES:
        message = f"has {size} bytes; {MIN_SECRET_BYTES} or more are needed: openssl rand -hex 32"
        raise ValueError(message)
    if len(set(raw)) < MIN_SECRET_BYTES // 4:
        message = "repeats a few characters; it must be random: openssl rand -hex 32"
        raise ValueError(message)
    return Secret(raw)


def folder(raw: str) -> Path:
    """A folder's absolute path; it is made when it is first needed."""
    path = Path(raw).expanduser().resolve()
    if path.exists() and not path.is_dir():
        message = f"{raw!r} is a file, not a folder"
        raise ValueError(message)
    return path


def existing_folder(raw: str) -> Path:
    """A folder that is there."""
    path = folder(raw)
    if not path.is_dir():
        message = f"{raw!r} is no folder that is there"
        raise ValueError(message)
    return path


def environment(raw: str) -> str:
    """What the shop is run for."""
    if raw not in {"development", "staging", "production"}:
        message = f"{raw!r} is none of development, staging and production"
        raise ValueError(message)
    return raw


def database_url(raw: str) -> URL:
    """A database that the shop knows; the URL's password is hidden when it is printed."""
    try:
        url = make_url(raw)
    except (ArgumentError, ValueError) as err:
        message = "is not a database URL"
        raise ValueError(message) from err
    if url.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        message = f"{url.drivername!r} is neither sqlite nor postgresql+psycopg"
        raise ValueError(message)
    if url.get_backend_name() == "postgresql" and find_spec("psycopg") is None:
        message = "needs psycopg, which is not installed: pip install 'bookshop[postgresql]'"
        raise ValueError(message)
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        message = "is in memory: orders would be lost; name a file"
        raise ValueError(message)
    return url


def stripe_secret_key(raw: str) -> Secret:
    """A secret (sk_) or restricted (rk_) key."""
    if not re.fullmatch(r"[sr]k_(test|live)_\S+", raw):
        message = "is not a secret key: those begin with sk_test_, sk_live_, rk_test_ or rk_live_"
        raise ValueError(message)
    return Secret(raw)


def stripe_publishable_key(raw: str) -> str:
    """A publishable key: public, unlike the others."""
    if not re.fullmatch(r"pk_(test|live)_\S+", raw):
        message = "is not a publishable key: those begin with pk_test_ or pk_live_"
        raise ValueError(message)
    return raw


def is_live(key: str) -> bool:
    """Whether a Stripe key is of live mode."""
    return key[2:].startswith("_live_")


def webhook_secrets(raw: str) -> tuple[Secret, ...]:
    """One signing secret or more, separated by blanks or commas: several while one is rolled."""
    secrets = raw.replace(",", " ").split()
    if not secrets or not all(re.fullmatch(r"whsec_\S+", secret) for secret in secrets):
        message = "holds something that does not begin with whsec_"
        raise ValueError(message)
    return tuple(Secret(secret) for secret in secrets)


def limit_storage(raw: str) -> str:
    """Where it is counted how often somebody did something."""
    if raw not in {"memory", "database"}:
        message = f"{raw!r} is neither memory nor database"
        raise ValueError(message)
    return raw


def rate(raw: str) -> RateLimitItem:
    """How often within which time. https://limits.readthedocs.io/en/stable/quickstart.html."""
    try:
        [limit] = parse_many(raw)
    except ValueError:
        limit = None
    if limit is None or limit.amount < 1:
        message = f"{raw!r} is not how often in which time, such as 30/hour or 5 per 10 minutes"
        raise ValueError(message)
    return limit


def seconds(raw: str) -> float:
    """A time in seconds, above 0 and at most a minute."""
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    if not 0 < value <= MAX_SECONDS:
        message = f"{raw!r} is not a number of seconds above 0 and up to {MAX_SECONDS}"
        raise ValueError(message)
    return value


def count(raw: str) -> int:
    """A whole number from 0."""
    if not re.fullmatch(r"\d{1,4}", raw):
        message = f"{raw!r} is not a whole number from 0 to 9999"
        raise ValueError(message)
    return int(raw)


def positive_count(raw: str) -> int:
    """A whole number from 1."""
    value = count(raw)
    if value == 0:
        message = "must be 1 or more"
        raise ValueError(message)
    return value
