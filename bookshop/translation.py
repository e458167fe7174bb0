"""Texts in Python that a page may show: marked here, translated when they are rendered."""

from __future__ import annotations

from typing import Any

from pyramid.i18n import TranslationStringFactory

_: Any = TranslationStringFactory("bookshop")
