"""Finds unknown keys, and settings that contradict one another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from bookshop.settings import parsers
from bookshop.settings.errors import Problem
from bookshop.settings.keys import KEYS, OWN_PREFIXES, STRIPE_API, STRIPE_JS
from bookshop.settings.models import Security
from bookshop.settings.parsers import Secret

SANDBOX_KEY_END = "_sandbox"  # of the placeholder keys in development.ini
SIMILARITY = 0.65  # minimum of an unknown key and the suggested one, from 0 to 1

Values = Mapping[str, Any]


def find_unknown_keys(ini: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each key with one of the shop's prefixes that is not a setting."""
    known = [*KEYS, *(f"{name}_file" for name, key in KEYS.items() if key.secret)]
    for name in sorted(ini):
        if name.startswith(OWN_PREFIXES) and name not in known:
            similar = _similar_key(name, known)
            hint = f"; did you mean {similar}?" if similar else ""
            fix = f"{similar} = …" if similar else f"nothing: remove the line “{name} = …”"
            yield Problem(name, "unknown", f"is not a setting of the shop{hint}", fix)


def _similar_key(name: str, known: Iterable[str]) -> str | None:
    """Return the known key of the same prefix that is nearly equal, if there is one."""
    prefix, _dot, rest = name.partition(".")
    others = [key.partition(".")[2] for key in known if key.startswith(f"{prefix}.")]
    similar = difflib.get_close_matches(rest, others, n=1, cutoff=SIMILARITY)
    return f"{prefix}.{similar[0]}" if similar else None


def find_contradictions(ini: Mapping[str, str], values: Values) -> Iterator[Problem]:
    """Yield a problem for each setting that contradicts another one.

    `values` are the parsed settings; those that could not be parsed are missing.
    """
    yield from _check_stripe_modes(values)
    yield from _check_stripe_addresses(values)
    yield from _check_placeholders(ini, values)
    yield from _check_mail(values)
    yield from _check_country(values)
    if values.get("bookshop.environment") == "production":
        yield from _check_production(ini, values)


def stripe_mode(ini: Mapping[str, str]) -> str:
    """Return the Stripe mode that the environment requires: `live` or `test`."""
    return "live" if ini.get("bookshop.environment") == "production" else "test"


def is_live(values: Values) -> bool:
    """Return True if the secret key is a live key."""
    key: Secret | None = values.get("stripe.secret_key")
    return key is not None and parsers.is_live(key.reveal())


def mail_security(values: Values) -> Security:
    """Return the encryption for the mail server. Default: none on this machine, else STARTTLS."""
    host = values.get("mail.host") or "localhost"
    default: Security = "none" if parsers.is_loopback(host) else "starttls"
    return values.get("mail.security") or default


def _check_stripe_modes(values: Values) -> Iterator[Problem]:
    secret_key = values.get("stripe.secret_key")
    publishable = values.get("stripe.publishable_key")
    environment = values.get("bookshop.environment")
    live = is_live(values)
    mode = "live" if live else "test"
    if secret_key and publishable and parsers.is_live(publishable) != live:
        yield Problem(
            "stripe.publishable_key",
            "mode_mismatch",
            f"live/test mode mismatch: stripe.secret_key is a {mode} key",
            f"stripe.publishable_key = pk_{mode}_…",
        )
    if secret_key and environment and live != (environment == "production"):
        yield Problem(
            "stripe.secret_key",
            "environment_mismatch",
            f"is a {mode} key, and bookshop.environment is {environment}",
            f"stripe.secret_key = sk_{'test' if live else 'live'}_…  "
            f"(or bookshop.environment = {'production' if live else 'staging'})",
        )


def _check_stripe_addresses(values: Values) -> Iterator[Problem]:
    production = values.get("bookshop.environment") == "production"
    for name, real in (("stripe.api_base", STRIPE_API), ("stripe.js_url", STRIPE_JS)):
        value = values.get(name)
        if value and urlsplit(value)[:2] != urlsplit(real)[:2]:
            if is_live(values):
                reason = "is not Stripe's address: a live key is sent to Stripe only"
                yield Problem(name, "live_key", reason, f"{name} = {real}")
            elif production:
                reason = "is not Stripe's address: production uses Stripe only"
                yield Problem(name, "production", reason, f"{name} = {real}")


def _check_placeholders(ini: Mapping[str, str], values: Values) -> Iterator[Problem]:
    key: Secret | None = values.get("stripe.secret_key")
    at_stripe = values.get("stripe.api_base") == STRIPE_API
    if key and key.reveal().endswith(SANDBOX_KEY_END) and at_stripe:
        reason = "is a placeholder for the sandbox, which Stripe does not accept"
        fix = f"stripe.secret_key = sk_{stripe_mode(ini)}_…"
        yield Problem("stripe.secret_key", "placeholder", reason, fix)
    secret: Secret | None = values.get("bookshop.secret")
    development = values.get("bookshop.environment") == "development"
    if secret and "development" in secret.reveal() and not development:
        reason = "is the one of development.ini, which is public"
        example = KEYS["bookshop.secret"].example
        yield Problem("bookshop.secret", "public", reason, f"bookshop.secret = {example}")


def _check_mail(values: Values) -> Iterator[Problem]:
    host, username, password = (
        values.get(f"mail.{name}") for name in ("host", "username", "password")
    )
    if host and values.get("mail.folder"):
        reason = "cannot be used with mail.host: e-mails are either stored in a folder or sent"
        yield Problem("mail.folder", "mail_host", reason, "mail.folder =")
    local = parsers.is_loopback(host or "localhost")
    if password and mail_security(values) == "none" and not local:
        reason = "is none: mail.password would be sent unencrypted"
        yield Problem("mail.security", "unencrypted", reason, "mail.security = starttls")
    if bool(username) != bool(password) and {"mail.username", "mail.password"} <= values.keys():
        missing, present = ("username", "password") if password else ("password", "username")
        fix = f"mail.{missing} = {KEYS[f'mail.{missing}'].example}"
        yield Problem(f"mail.{missing}", "missing", f"is missing, and mail.{present} is given", fix)


def _check_country(values: Values) -> Iterator[Problem]:
    """Yield a problem if neither the country nor the locale says where the shop sells."""
    locale = values.get("bookshop.locale")
    if locale and "bookshop.country" in values and values["bookshop.country"] is None:
        reason = f"is missing, and bookshop.locale {locale} has no country"
        fix = f"bookshop.country = {KEYS['bookshop.country'].example}"
        yield Problem("bookshop.country", "missing", reason, fix)


def _check_production(ini: Mapping[str, str], values: Values) -> Iterator[Problem]:
    includes = ini.get("pyramid.includes", "").split()
    if "bookshop.sandbox" in includes:
        others = " ".join(name for name in includes if name != "bookshop.sandbox")
        reason = "includes bookshop.sandbox, which is not for production"
        yield Problem(
            "pyramid.includes", "sandbox", reason, f"pyramid.includes = {others}".rstrip()
        )
    url: str | None = values.get("bookshop.url")
    if url and not url.startswith("https://"):
        reason = "must begin with https://: browsers refuse payments without it"
        yield Problem("bookshop.url", "http", reason, f"bookshop.url = https://{url[7:]}")
