"""Translatable texts in Python code: marked with `_`, translated when they are rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.i18n import TranslationStringFactory

_: Any = TranslationStringFactory("bookshop")

#: Translates a marked text, such as a localizer's `translate`.
Translate = Callable[[Any], str]
