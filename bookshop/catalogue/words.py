"""The trade's codes in plain words.

ONIX code lists: https://www.editeur.org/14/Code-Lists/.
"""

from __future__ import annotations

from typing import Any

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from bookshop.translation import _

FORMS = {
    "BB": _("Hardback"),
    "BC": _("Paperback"),
    "ED.EPUB": _("E-book (EPUB)"),
    "ED.PDF": _("E-book (PDF)"),
    "AJ": _("Audiobook"),
}
ROLES = {
    "A01": _("Author"),
    "A12": _("Illustrator"),
    "A13": _("Photographer"),
    "B01": _("Editor"),
    "B06": _("Translator"),
    "E03": _("Narrator"),
}


def form(code: str) -> Any:
    """A ProductForm (list 150, detail list 175) in words; an unknown one is just a book."""
    return FORMS.get(code, _("Book"))


def role(code: str) -> Any:
    """A ContributorRole (list 17) in words."""
    return ROLES.get(code, _("Contributor"))


def language(code: str, locale: str) -> str:
    """An ISO 639-2 code as `locale` calls that language; eng is English."""
    try:
        name = Locale.parse(language_tag(code)).get_language_name(locale)
    except (UnknownLocaleError, ValueError):
        name = None
    return name or code


def language_tag(code: str) -> str:
    """An ISO 639-2 code as HTML wants it (BCP 47); eng is en."""
    tag: str = get_global("language_aliases").get(code, code)
    return tag
