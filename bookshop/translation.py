"""Texts in Python that a page may show: marked here, translated when they are rendered."""

from __future__ import annotations

from pyramid.i18n import TranslationStringFactory

_ = TranslationStringFactory("bookshop")
