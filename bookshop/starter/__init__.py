"""What `bookshop new` makes a shop from: a template that cookiecutter fills in.

It can be used by itself too: `cookiecutter bookshop/starter`. `hooks` check the answers with what
is below, and make the secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bookshop.settings import parsers as values

TEMPLATE = Path(__file__).parent
NOT_YET = "none"  # instead of a mail server
UNWRITABLE = "${"  # stands for the environment in an INI


def problems(answers: Mapping[str, str]) -> list[str]:
    """What is wrong with the answers that a shop is to be made of, by the rules of its settings."""
    found = []
    for name, value in answers.items():
        if not value.strip():
            found.append(f"{name}: is missing")
        elif not value.isprintable() or UNWRITABLE in value:
            found.append(f"{name}: {value!r} holds what an INI cannot say in one line")
        elif name in READ:
            try:
                READ[name](value)
            except ValueError as err:
                found.append(f"{name}: {err}")
    return found


def _public_address(raw: str) -> str:
    """The address in production, where customers pay."""
    parts = urlsplit(values.web_address(raw))
    if parts.scheme != "https":
        message = "must begin with https:// (in development it is http://localhost:6543 anyway)"
        raise ValueError(message)
    return values.host(parts.hostname or "")


def _mail_server(raw: str) -> str:
    return raw if raw == NOT_YET else values.host(raw)


READ: dict[str, values.Parser] = {
    "url": _public_address,
    "email": values.email,
    "locale": values.locale,
    "currency": values.currency,
    "mail": _mail_server,
}
