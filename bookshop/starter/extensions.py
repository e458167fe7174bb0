"""A Jinja2 filter for the defaults of `cookiecutter.json`."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError
from jinja2 import Environment
from jinja2.ext import Extension

from bookshop.settings.timezones import UTC, usual_timezone


class TimezoneExtension(Extension):
    """Adds `usual_timezone`: the time zone of a locale's country, UTC if it has several."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters["usual_timezone"] = _usual_timezone


def _usual_timezone(locale: str) -> str:
    try:
        country = Locale.parse(locale.replace("-", "_")).territory or ""
    except (UnknownLocaleError, ValueError):
        return UTC  # the answer is refused later, with all others
    return usual_timezone(country) or UTC
