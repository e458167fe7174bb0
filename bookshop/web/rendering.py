"""Jinja2 templates: their globals, filters, folders and translations, and the build token."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hupper
from babel.dates import format_date
from pyramid.config import Configurator
from pyramid.events import BeforeRender
from pyramid_jinja2.i18n import GetTextWrapper

from bookshop import clock
from bookshop.money import Money
from bookshop.services import services
from bookshop.settings import ShopSettings
from bookshop.web.static_files import StaticFiles


def add_globals(event: BeforeRender) -> None:
    """Give the template `shop`, `urls` and `asset`."""
    request = event["request"]
    if request is None:
        return
    shop = services(request)
    event["shop"] = shop.settings.shop
    event["urls"], event["asset"] = _addresses(shop.static_files, request.script_name or "")


@lru_cache(maxsize=16)
def _addresses(files: StaticFiles, home: str) -> tuple[SimpleNamespace, Callable[[str], str]]:
    """Return the shop's addresses below `home`, and the function `asset`."""
    urls = SimpleNamespace(
        home=f"{home}/",
        books=f"{home}/books/",
        orders=f"{home}/orders/",
        forget=f"{home}/forget",
    )
    return urls, lambda name: home + files.path(name)


def _texts(domain: str) -> GetTextWrapper:
    """Return the translations of one shop, each looked up once."""
    texts = GetTextWrapper(domain)
    texts.gettext = lru_cache(maxsize=1024)(texts.gettext)
    return texts


def build_token(shop: ShopSettings, static_files: StaticFiles) -> str:
    """Return a token that changes with the code, the files and the settings that pages depend on.

    All processes of the same version of a shop have the same token.
    """
    digest = hashlib.sha256(_package_digest())
    if shop.theme is not None:
        digest.update(_folder_digest(shop.theme))
    shown = (shop.name, shop.url, shop.locale, shop.timezone.key, shop.currency, shop.email)
    digest.update(repr((shown, sorted(static_files.paths.items()))).encode())
    return digest.hexdigest()[:12]


@cache
def _package_digest() -> bytes:
    """Return the digest of the package's own files, which are read once per process."""
    return _folder_digest(Path(__file__).parents[1])


def _folder_digest(folder: Path) -> bytes:
    """Return the SHA-256 of the names and contents of all files below a folder."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix != ".pyc" and file.is_file():
            digest.update(f"{file.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.digest()


def includeme(config: Configurator) -> None:
    """Render `*.jinja2` from the theme's `templates`, then from `bookshop/templates`.

    A theme's template that changes some blocks begins `{% extends "bookshop:templates/…" %}`.
    """
    shop = services(config).settings.shop
    locale = shop.locale

    # Pages repeat the same prices and texts, and formatting them takes most of the time.
    @lru_cache(maxsize=4096)
    def money(value: Money) -> str:
        return value.format(locale)

    def local_day(moment: datetime) -> date:
        return clock.local_day(moment, shop.timezone)

    def day(value: date) -> str:
        if isinstance(value, datetime):
            value = local_day(value)
        return format_date(value, "long", locale)

    settings: dict[str, Any] = {
        "jinja2.trim_blocks": True,
        "jinja2.lstrip_blocks": True,
        "jinja2.undefined": "strict",
        "jinja2.i18n.domain": "bookshop",
        "jinja2.i18n.gettext": _texts,
        "jinja2.filters": {"day": day, "local_day": local_day, "money": money},
    }
    config.add_settings(settings)
    config.include("pyramid_jinja2")
    folders = [Path(__file__).parents[1] / "templates"]
    if shop.theme is not None:
        folders.insert(0, shop.theme / "templates")
    for folder in folders:
        config.add_jinja2_search_path(str(folder))
    if hupper.is_active():  # by `pserve --reload`: cached pages were rendered from these
        hupper.get_reloader().watch_files(str(folder / "**" / "*.jinja2") for folder in folders)
    config.set_locale_negotiator(lambda _request: locale)
    config.add_translation_dirs("bookshop:locale")
    config.add_subscriber(add_globals, BeforeRender)
