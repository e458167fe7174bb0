"""Reads the INI: replaces environment variables, reads secret files, returns typed settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from babel import Locale

from bookshop.settings.errors import Problem, SettingsError, ValueProblem, advise_file
from bookshop.settings.keys import KEYS, Key
from bookshop.settings.models import (
    LimitSettings,
    MailSettings,
    MetricsSettings,
    Settings,
    ShopSettings,
    StripeSettings,
)
from bookshop.settings.validation import (
    find_contradictions,
    find_unknown_keys,
    is_live,
    mail_security,
    stripe_mode,
)

MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}")


def expand(ini: Mapping[str, str]) -> dict[str, str]:
    """Return the INI's values with `${NAME}` and `${NAME:-default}` replaced from the environment.

    A reference to a variable that is not set stays in the value.
    """

    def value_of(reference: re.Match[str]) -> str:
        default = reference["default"]
        value = os.environ.get(reference["name"])
        if default is not None:
            return value or default[2:]
        return reference[0] if value is None else value

    return {key: _REFERENCE.sub(value_of, value) for key, value in ini.items()}


def read(ini: Mapping[str, str]) -> Settings:
    """Return the settings of an expanded INI section.

    Raises SettingsError with every problem found.
    """
    problems = list(find_unknown_keys(ini))
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        try:
            text = _text(ini, name, key)
            values[name] = key.parse(text) if text else None
        except ValueError as err:
            example = key.example.replace("{mode}", stripe_mode(ini))
            code = err.code if isinstance(err, ValueProblem) else "invalid"
            problems.append(Problem(name, code, str(err), f"{name} = {example}"))
    if not ini.get("bookshop.environment", "").strip() and is_live(values):
        # With real money the rules of production apply, whether they were requested or not.
        values["bookshop.environment"] = "production"
    if "bookshop.locale" in values and not values.get("bookshop.country"):
        values["bookshop.country"] = Locale.parse(values["bookshop.locale"]).territory
    problems.extend(find_contradictions(ini, values))
    if problems:
        raise SettingsError([_with_file(problem, ini) for problem in problems])
    return Settings(
        shop=ShopSettings(**_group(values, "bookshop.")),
        stripe=StripeSettings(**_group(values, "stripe.")),
        mail=_mail(values),
        limits=LimitSettings(**_group(values, "limits.")),
        metrics=MetricsSettings(**_group(values, "metrics.")),
        database=values["sqlalchemy.url"],
    )


def _with_file(problem: Problem, ini: Mapping[str, str]) -> Problem:
    """Return the problem with advice about the key's file, if the INI names one."""
    file = ini.get(f"{problem.key}_file", "").strip()
    if problem.code == "given_twice" or not file:
        return problem
    return replace(problem, fix=advise_file(problem.fix, problem.key, file))


def _text(ini: Mapping[str, str], name: str, key: Key) -> str:
    """Return the text of a key, its file or its default. Raises ValueProblem."""
    value = ini.get(name, "").strip()
    file = ini.get(f"{name}_file", "").strip() if key.secret else ""
    if value and file:
        message = f"is given twice, here and as {name}_file"
        raise ValueProblem("given_twice", message)
    if file:
        value = _content(file, name)
    if missing := _REFERENCE.search(value):
        message = f"the environment variable {missing['name']} is not set"
        raise ValueProblem("variable_not_set", message)
    value = value or key.default or ""
    if not value and not key.optional:
        raise ValueProblem("missing", "is missing")
    return value


def _content(file: str, name: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as err:
        reason = err.strerror if isinstance(err, OSError) else "not text"
        message = f"the file named by {name}_file cannot be read: {reason}"
        raise ValueProblem("file_unreadable", message) from err


def _group(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {key.removeprefix(prefix): values[key] for key in values if key.startswith(prefix)}


def _mail(values: Mapping[str, Any]) -> MailSettings:
    """Return the mail settings; those that are not given follow from the others."""
    host, folder = values["mail.host"], values["mail.folder"]
    if not host and not folder and values["bookshop.environment"] != "production":
        folder = values["bookshop.var"] / "mail"
    security = mail_security(values)
    return MailSettings(
        host=host or "localhost",
        port=values["mail.port"] or MAIL_PORTS[security],
        security=security,
        username=values["mail.username"],
        password=values["mail.password"],
        sender=values["mail.from"] or values["bookshop.email"],
        folder=folder,
        timeout=values["mail.timeout"],
    )
