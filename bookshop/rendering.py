"""Jinja2: what every template finds, and how money is written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from babel.dates import format_date
from pyramid.config import Configurator
from pyramid.events import BeforeRender
from pyramid.request import Request
from pyramid.static import QueryStringConstantCacheBuster

from bookshop.money import Money


def asset_url(request: Request) -> Callable[[str], str]:
    """A function from a file of `bookshop/static/` to its path, with the shop's version in it."""

    def url(name: str) -> str:
        path: str = request.static_path(f"bookshop:static/{name}")
        return path

    return url


def add_globals(event: BeforeRender) -> None:
    """Give the template the shop, its addresses and `asset`."""
    request = event["request"]
    if request is None:
        return
    event["shop"] = request.registry.bookshop.shop
    event["asset"] = asset_url(request)
    home = request.script_name or ""
    event["urls"] = SimpleNamespace(
        home=f"{home}/", books=f"{home}/books/", orders=f"{home}/orders/"
    )


def _version(folder: Path) -> str:
    """A token that changes when a file in `folder` does."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def includeme(config: Configurator) -> None:
    """Render `*.jinja2` from `bookshop/templates`, and serve `/static`."""
    locale = config.registry.bookshop.shop.locale

    def money(value: Money) -> str:
        return value.format(locale)

    def day(value: date) -> str:
        return format_date(value, "long", locale)

    settings: dict[str, Any] = {
        "jinja2.trim_blocks": True,
        "jinja2.lstrip_blocks": True,
        "jinja2.undefined": "strict",
        "jinja2.i18n.domain": "bookshop",
        "jinja2.filters": {"day": day, "money": money},
    }
    config.add_settings(settings)
    config.include("pyramid_jinja2")
    config.add_jinja2_search_path("bookshop:templates")
    config.set_locale_negotiator(lambda _request: locale)
    config.add_translation_dirs("bookshop:locale")
    config.add_subscriber(add_globals, BeforeRender)
    config.add_static_view("static", "bookshop:static", cache_max_age=3600)
    token = _version(Path(__file__).parent / "static")
    config.add_cache_buster("bookshop:static", QueryStringConstantCacheBuster(token, param="v"))
