"""The cookiecutter template of `bookshop new`, and the validation of its answers.

`cookiecutter bookshop/starter` works as well. The template's hooks call `problems`, and write the
secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from babel import Locale

from bookshop.settings import parsers
from bookshop.settings.timezones import timezone

TEMPLATE = Path(__file__).parent
NO_MAIL = "none"  # instead of a mail server
REFERENCE = "${"  # begins a reference to the environment in an INI
TEMPLATE_SIGNS = ("{{", "{%", "{#")  # begin code of Jinja, which cookiecutter would run


def problems(answers: Mapping[str, str]) -> list[str]:
    """Return the problems of the answers, by the rules of the settings."""
    lines = []
    for name, value in answers.items():
        if not value.strip():
            lines.append(f"{name}: is missing")
        elif contains_code(value):
            lines.append(f"{name}: {value!r} contains one of {' '.join(TEMPLATE_SIGNS)}")
        elif not value.isprintable() or REFERENCE in value:
            lines.append(f"{name}: {value!r} contains characters that an INI value cannot have")
        elif name in PARSERS:
            try:
                PARSERS[name](value)
            except ValueError as err:
                lines.append(f"{name}: {err}")
    return lines


def contains_code(value: str) -> bool:
    """Return True if cookiecutter would render the value as a template."""
    return any(sign in value for sign in TEMPLATE_SIGNS)


def _public_address(raw: str) -> str:
    """Parse the address in production, which must be https."""
    parts = urlsplit(parsers.web_address(raw))
    if parts.scheme != "https":
        message = "must begin with https:// (development uses http://localhost:6543)"
        raise ValueError(message)
    return parsers.host(parts.hostname or "")


def _locale_with_country(raw: str) -> str:
    """Parse a locale. Its country is where the shop sells, as the INI has no bookshop.country."""
    locale = parsers.locale(raw)
    if Locale.parse(locale).territory is None:
        raise ValueError(f"{raw!r} has no country: write it as en_GB or de_DE")
    return locale


def _mail_server(raw: str) -> str:
    return raw if raw == NO_MAIL else parsers.host(raw)


PARSERS: dict[str, parsers.Parser] = {
    "url": _public_address,
    "email": parsers.email,
    "locale": _locale_with_country,
    "timezone": timezone,
    "currency": parsers.currency,
    "mail": _mail_server,
}
