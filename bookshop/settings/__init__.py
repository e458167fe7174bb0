"""The INI, read once into a frozen, typed object; every problem is reported at once.

A value may hold `${NAME}` or `${NAME:-default}` from the environment, and a secret may be given
as `<key>_file`, the path of a file that holds it.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from limits import RateLimitItem
from sqlalchemy.engine import URL

from bookshop.settings import parsers as values
from bookshop.settings.parsers import Secret

Environment = Literal["development", "staging", "production"]
Security = Literal["starttls", "tls", "none"]
Storage = Literal["memory", "database"]
STRIPE_API = "https://api.stripe.com"
STRIPE_JS = "https://js.stripe.com/endive/stripe.js"
OWN_PREFIXES = ("bookshop.", "limits.", "mail.", "metrics.", "sqlalchemy.", "stripe.")
MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
PLACEHOLDER = "_sandbox"  # the end of the keys that development.ini falls back to
_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}")


@dataclass(frozen=True)
class ShopSettings:
    """Who the shop is. `locale` is as in en_GB; `var` is the folder for files that it makes.

    `theme` is a folder whose `templates` and `static` come before the shop's own.
    """

    name: str
    url: str
    locale: str
    currency: str
    email: str
    secret: Secret
    var: Path
    environment: Environment
    theme: Path | None

    @property
    def maintenance(self) -> Path:
        """The file that closes the shop as long as it is there."""
        return self.var / "maintenance"


@dataclass(frozen=True)
class StripeSettings:
    """How to reach Stripe. `timeout` (seconds) bounds one visit, its retries included."""

    secret_key: Secret
    publishable_key: str
    webhook_secrets: tuple[Secret, ...]
    api_base: str
    js_url: str
    timeout: float
    max_network_retries: int
    max_concurrency: int

    @property
    def livemode(self) -> bool:
        """Whether real money moves."""
        return values.is_live(self.secret_key.reveal())


@dataclass(frozen=True)
class MailSettings:
    """Where mails go: as files into `folder`, or to the mail server at `host` where it is None.

    `sender` is the address that they come from; `timeout` (seconds) bounds each wait.
    """

    host: str
    port: int
    security: Security
    username: str | None
    password: Secret | None
    sender: str
    folder: Path | None
    timeout: float


@dataclass(frozen=True)
class LimitSettings:
    """How often one visitor may do what, and where that is counted."""

    storage: Storage
    newcomers: RateLimitItem
    checkouts: RateLimitItem
    payments: RateLimitItem
    order_links: RateLimitItem
    searches: RateLimitItem
    csp_reports: RateLimitItem


@dataclass(frozen=True)
class MetricsSettings:
    """Who may read the metrics: whoever has `token`; where it is None, nobody but a developer."""

    token: Secret | None


@dataclass(frozen=True)
class Settings:
    """All that the INI says to the shop."""

    shop: ShopSettings
    stripe: StripeSettings
    mail: MailSettings
    limits: LimitSettings
    metrics: MetricsSettings
    database: URL


@dataclass(frozen=True)
class Problem:
    """What is wrong with a key, and the line to write instead."""

    key: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}\n    write: {self.fix}"


class SettingsError(Exception):
    """The INI cannot be used. `problems` holds every reason."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in problems)
        count = "1 setting needs" if len(problems) == 1 else f"{len(problems)} settings need"
        super().__init__(f"The shop did not start: {count} mending.\n{lines}")


@dataclass(frozen=True)
class Key:
    """How one key is read. `parse` raises ValueError with the problem in words.

    In `example`, `{mode}` stands for the mode of Stripe's that the environment needs. Where an
    optional key is not given, other keys decide.
    """

    parse: values.Parser
    example: str
    default: str | None = None
    secret: bool = False
    optional: bool = False


KEYS: dict[str, Key] = {
    "bookshop.name": Key(values.text, "The Corner Bookshop"),
    "bookshop.url": Key(values.web_address, "https://books.example.com"),
    "bookshop.locale": Key(values.locale, "en_GB", default="en_GB"),
    "bookshop.currency": Key(values.currency, "GBP"),
    "bookshop.email": Key(values.email, "hello@books.example.com"),
    "bookshop.secret": Key(values.signing_secret, "${BOOKSHOP_SECRET}", secret=True),
    "bookshop.var": Key(values.folder, "/var/lib/bookshop"),
    "bookshop.environment": Key(values.environment, "production", default="development"),
    "bookshop.theme": Key(values.existing_folder, "/srv/books/theme", optional=True),
    "sqlalchemy.url": Key(
        values.database_url, "postgresql+psycopg://bookshop@localhost/bookshop", secret=True
    ),
    "stripe.secret_key": Key(values.stripe_secret_key, "sk_{mode}_…", secret=True),
    "stripe.publishable_key": Key(values.stripe_publishable_key, "pk_{mode}_…"),
    "stripe.webhook_secrets": Key(values.webhook_secrets, "whsec_…", secret=True),
    "stripe.api_base": Key(values.web_address, STRIPE_API, default=STRIPE_API),
    "stripe.js_url": Key(values.web_address, STRIPE_JS, default=STRIPE_JS),
    "stripe.timeout": Key(values.seconds, "8", default="8"),
    "stripe.max_network_retries": Key(values.count, "2", default="2"),
    "stripe.max_concurrency": Key(values.positive_count, "12", default="12"),
    "mail.host": Key(values.host, "smtp.example.com", optional=True),
    "mail.port": Key(values.port, "587", optional=True),
    "mail.security": Key(values.mail_security, "starttls", optional=True),
    "mail.username": Key(values.text, "hello@books.example.com", optional=True),
    "mail.password": Key(Secret, "${MAIL_PASSWORD}", secret=True, optional=True),
    "mail.from": Key(values.email, "hello@books.example.com", optional=True),
    "mail.folder": Key(values.folder, "/var/lib/bookshop/mail", optional=True),
    "mail.timeout": Key(values.seconds, "30", default="30"),
    "limits.storage": Key(values.limit_storage, "database", default="memory"),
    "limits.newcomers": Key(values.rate, "3/hour", default="3/hour"),
    "limits.checkouts": Key(values.rate, "50/hour", default="50/hour"),
    "limits.payments": Key(values.rate, "30/hour", default="30/hour"),
    "limits.order_links": Key(values.rate, "10/hour", default="10/hour"),
    "limits.searches": Key(values.rate, "60/minute", default="60/minute"),
    "limits.csp_reports": Key(values.rate, "20/minute", default="20/minute"),
    "metrics.token": Key(
        values.signing_secret, "${BOOKSHOP_METRICS_TOKEN}", secret=True, optional=True
    ),
}


def expand(ini: Mapping[str, str]) -> dict[str, str]:
    """The INI's values with `${NAME}` filled in; a name that isn't set is left as it stands."""

    def fill(match: re.Match[str]) -> str:
        default = match["default"]
        found = os.environ.get(match["name"])
        if default is not None:
            return found or default[2:]
        return match[0] if found is None else found

    return {key: _REFERENCE.sub(fill, value) for key, value in ini.items()}


def read(ini: Mapping[str, str]) -> Settings:
    """The settings in an expanded INI section.

    Raises SettingsError with every problem found.
    """
    problems = list(_unknown_keys(ini))
    found: dict[str, Any] = {}
    for name, key in KEYS.items():
        try:
            raw = _raw(ini, name, key)
            found[name] = key.parse(raw) if raw else None
        except ValueError as err:
            example = key.example.replace("{mode}", _mode(ini))
            problems.append(Problem(name, str(err), f"{name} = {example}"))
    if not ini.get("bookshop.environment", "").strip() and _is_live(found):
        # Whoever takes real money is held to the rules of production, said or unsaid.
        found["bookshop.environment"] = "production"
    problems.extend(_contradictions(ini, found))
    if problems:
        raise SettingsError(problems)
    return Settings(
        shop=ShopSettings(**_group(found, "bookshop.")),
        stripe=StripeSettings(**_group(found, "stripe.")),
        mail=_mail(found),
        limits=LimitSettings(**_group(found, "limits.")),
        metrics=MetricsSettings(**_group(found, "metrics.")),
        database=found["sqlalchemy.url"],
    )


def _mode(ini: Mapping[str, str]) -> str:
    return "live" if ini.get("bookshop.environment") == "production" else "test"


def _is_live(found: Mapping[str, Any]) -> bool:
    key: Secret | None = found.get("stripe.secret_key")
    return key is not None and values.is_live(key.reveal())


def _group(found: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): found[key] for key in found if key.startswith(prefix)}


def _mail(found: Mapping[str, Any]) -> MailSettings:
    """How mail travels: what is not said follows from what is."""
    host, folder = found["mail.host"], found["mail.folder"]
    if not host and not folder and found["bookshop.environment"] != "production":
        folder = found["bookshop.var"] / "mail"
    security = _mail_security(found)
    return MailSettings(
        host=host or "localhost",
        port=found["mail.port"] or MAIL_PORTS[security],
        security=security,
        username=found["mail.username"],
        password=found["mail.password"],
        sender=found["mail.from"] or found["bookshop.email"],
        folder=folder,
        timeout=found["mail.timeout"],
    )


def _mail_security(found: Mapping[str, Any]) -> Security:
    """As it is said; otherwise without TLS on this machine, and with it to any other."""
    host = found.get("mail.host") or "localhost"
    default: Security = "none" if values.is_loopback(host) else "starttls"
    return found.get("mail.security") or default


def _raw(ini: Mapping[str, str], name: str, key: Key) -> str:
    value = ini.get(name, "").strip()
    file = ini.get(f"{name}_file", "").strip() if key.secret else ""
    if value and file:
        message = f"is given twice, here and as {name}_file"
        raise ValueError(message)
    if file:
        try:
            value = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as err:
            reason = err.strerror if isinstance(err, OSError) else "not text"
            message = f"the file named by {name}_file cannot be read: {reason}"
            raise ValueError(message) from err
    if missing := _REFERENCE.search(value):
        message = f"the environment variable {missing['name']} is not set"
        raise ValueError(message)
    value = value or key.default or ""
    if not value and not key.optional:
        message = "is missing"
        raise ValueError(message)
    return value


def _unknown_keys(ini: Mapping[str, str]) -> list[Problem]:
    known = [*KEYS, *(f"{name}_file" for name, key in KEYS.items() if key.secret)]
    problems = []
    for name in sorted(ini):
        if name.startswith(OWN_PREFIXES) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            fix = f"{near[0]} = …" if near else f"nothing: remove the line “{name} = …”"
            problems.append(Problem(name, f"is not a setting of the shop{hint}", fix))
    return problems


def _contradictions(ini: Mapping[str, str], found: Mapping[str, Any]) -> list[Problem]:
    """What is right alone and wrong together."""
    problems = []
    environment = found.get("bookshop.environment")
    secret_key: Secret | None = found.get("stripe.secret_key")
    live = _is_live(found)
    publishable = found.get("stripe.publishable_key")
    if secret_key and publishable and values.is_live(publishable) != live:
        kind = "live" if live else "test"
        problems.append(
            Problem(
                "stripe.publishable_key",
                f"is of the other mode: stripe.secret_key is a {kind} key",
                f"stripe.publishable_key = pk_{kind}_…",
            )
        )
    if secret_key and environment and live != (environment == "production"):
        wanted = "production" if live else "staging"
        problems.append(
            Problem(
                "stripe.secret_key",
                f"is a {'live' if live else 'test'} key, and bookshop.environment is {environment}",
                f"stripe.secret_key = sk_{'test' if live else 'live'}_…  "
                f"(or bookshop.environment = {wanted})",
            )
        )
    for name, real in (("stripe.api_base", STRIPE_API), ("stripe.js_url", STRIPE_JS)):
        value = found.get(name)
        if value and urlsplit(value)[:2] != urlsplit(real)[:2]:
            if live:
                reason = "is not Stripe's, and a live key is given: it goes to Stripe alone"
                problems.append(Problem(name, reason, f"{name} = {real}"))
            elif environment == "production":
                reason = "is not Stripe's: production never talks to a stand-in"
                problems.append(Problem(name, reason, f"{name} = {real}"))
    api_base = found.get("stripe.api_base")
    if secret_key and secret_key.reveal().endswith(PLACEHOLDER) and api_base == STRIPE_API:
        reason = "is a placeholder, which Stripe does not know"
        problems.append(
            Problem("stripe.secret_key", reason, f"stripe.secret_key = sk_{_mode(ini)}_…")
        )
    secret: Secret | None = found.get("bookshop.secret")
    if secret and "development" in secret.reveal() and environment != "development":
        example = KEYS["bookshop.secret"].example
        reason = "is the one of development.ini, which everybody knows"
        problems.append(Problem("bookshop.secret", reason, f"bookshop.secret = {example}"))
    problems.extend(_contradictions_of_mail(found))
    if environment == "production":
        problems.extend(_unfit_for_production(ini, found))
    return problems


def _contradictions_of_mail(found: Mapping[str, Any]) -> list[Problem]:
    problems = []
    host, username, password = (
        found.get(f"mail.{name}") for name in ("host", "username", "password")
    )
    if host and found.get("mail.folder"):
        reason = "is given, and mail.host too: mails are either kept in a folder or sent"
        problems.append(Problem("mail.folder", reason, "mail.folder ="))
    if password and _mail_security(found) == "none" and not values.is_loopback(host or "localhost"):
        reason = "is none, and mail.password would cross the network for all to read"
        problems.append(Problem("mail.security", reason, "mail.security = starttls"))
    if bool(username) != bool(password) and {"mail.username", "mail.password"} <= found.keys():
        missing, given = ("username", "password") if password else ("password", "username")
        fix = f"mail.{missing} = {KEYS[f'mail.{missing}'].example}"
        problems.append(Problem(f"mail.{missing}", f"is missing, and mail.{given} is given", fix))
    return problems


def _unfit_for_production(ini: Mapping[str, str], found: Mapping[str, Any]) -> list[Problem]:
    problems = []
    includes = ini.get("pyramid.includes", "").split()
    if "bookshop.sandbox" in includes:
        kept = " ".join(name for name in includes if name != "bookshop.sandbox")
        reason = "includes bookshop.sandbox: production never talks to the sandbox"
        problems.append(Problem("pyramid.includes", reason, f"pyramid.includes = {kept}".rstrip()))
    url: str | None = found.get("bookshop.url")
    if url and not url.startswith("https://"):
        reason = "must be https: customers' browsers refuse payments on a plain address"
        problems.append(Problem("bookshop.url", reason, f"bookshop.url = https://{url[7:]}"))
    return problems
