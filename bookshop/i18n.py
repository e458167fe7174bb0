"""Texts in Python that a page may show: marked here, translated when they are rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.i18n import TranslationStringFactory

_: Any = TranslationStringFactory("bookshop")

#: What puts a marked text into the reader's language: a localizer's `translate`.
Translate = Callable[[Any], str]
