"""Labels for the codes of the book trade.

ONIX code lists: https://www.editeur.org/14/Code-Lists/. Thema: https://www.editeur.org/151/Thema/.
Labels are untranslated strings, except names of languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.core import get_global

from bookshop.catalogue.codes.accessibility import (
    DATE_CODES,
    EMAIL_CODES,
    FEATURES,
    TEXT_REQUIRED,
)
from bookshop.catalogue.codes.product_forms import FORMS, KINDS
from bookshop.catalogue.codes.roles import ROLES
from bookshop.catalogue.codes.subjects import SUBJECTS
from bookshop.catalogue.edition import THEMA, UNDETERMINED, Feature, Subject
from bookshop.catalogue.forms import Format
from bookshop.i18n import Translate, _

#: The labels of the formats that customers choose between.
FORMATS = {
    Format.HARDBACK: _("Hardback"),
    Format.PAPERBACK: _("Paperback"),
    Format.EBOOK: _("E-book"),
    Format.AUDIOBOOK: _("Audiobook"),
    Format.OTHER: _("Other"),
}

# ISO 639-2: several languages, none, and one without a code.
_NOT_ONE_LANGUAGE = frozenset({"mul", "zxx", "mis"})
_LANGUAGE_CODE = re.compile("[a-z]{2,3}")


@dataclass(frozen=True)
class Fact:
    """A fact about an e-book's accessibility.

    `label` is to be translated. `detail` is the publisher's own text, name or date (ISO 8601).
    `url` is where the detail links to if it is an address: http, https or mailto.
    """

    label: Any
    detail: str | None
    url: str | None


def form(key: str) -> Any:
    """Return the label of a `forms.form_key`; the label of its group if it has none of its own."""
    product_form = key.partition(".")[0]
    return FORMS.get(key) or FORMS.get(product_form) or KINDS.get(product_form[:1], KINDS["B"])


def role(code: str) -> Any:
    """Return the label of a ContributorRole (ONIX list 17)."""
    return ROLES.get(code, _("Contributor"))


def subject(code: str) -> Any | None:
    """Return the label of a Thema subject or of its nearest ancestor; None for a qualifier."""
    path = subject_path(code)
    return path[-1][1] if path else None


def subject_path(code: str) -> tuple[tuple[str, Any], ...]:
    """Return codes and labels of a Thema subject and its ancestors, the broadest first."""
    prefixes = (code[:length] for length in range(1, len(code) + 1))
    return tuple((prefix, SUBJECTS[prefix]) for prefix in prefixes if prefix in SUBJECTS)


def heading(subject_: Subject, translate: Translate) -> str | None:
    """Return the publisher's heading of a Thema subject or else our translated label, or None."""
    if subject_.scheme != THEMA:
        return None
    label = subject(subject_.code)
    return subject_.heading or (translate(label) if label else None)


def main_subject(subjects: Iterable[Subject]) -> Subject | None:
    """Return the main Thema subject, else the first one, else None."""
    thema = [each for each in subjects if each.scheme == THEMA]
    return next((each for each in thema if each.main), thema[0] if thema else None)


def accessibility(features: Iterable[Feature]) -> list[tuple[Any, list[Fact]]]:
    """Return the facts for an edition's features (ONIX list 196), grouped under headings.

    Headings and facts are in the order of the page. Codes without a label are left out, and codes
    that mean nothing without the text that the feature lacks.
    """
    texts: dict[str, list[str | None]] = {}
    for feature in features:
        texts.setdefault(feature.code, []).append(feature.text)
    groups = [
        (
            group.value,
            [
                _fact(code, label, text)
                for code, label in labels.items()
                for text in texts.get(code, [])
                if text or code not in TEXT_REQUIRED
            ],
        )
        for group, labels in FEATURES.items()
    ]
    return [(group_heading, facts) for group_heading, facts in groups if facts]


def _fact(code: str, label: Any, text: str | None) -> Fact:
    if text is None:
        return Fact(label, None, None)
    if code in DATE_CODES:
        return Fact(label, _iso_date(text), None)
    if text.startswith(("https://", "http://")):
        return Fact(label, text, text)
    return Fact(label, text, f"mailto:{text}" if code in EMAIL_CODES and "@" in text else None)


def _iso_date(text: str) -> str:
    """Return an ONIX date (20260131) in ISO 8601; any other text unchanged."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return text


@lru_cache(maxsize=1024)  # lists need it for each book
def language(code: str, locale: str) -> str:
    """Return the name of an ISO 639-2 language in `locale`.

    A code without a name, such as one for local use, is an unknown language.
    """
    names = Locale.parse(locale).languages
    alias: str = get_global("language_aliases").get(code, code)
    name: str = names.get(alias) or names.get(alias.partition("_")[0]) or names[UNDETERMINED]
    return name


def language_tag(code: str) -> str:
    """Return the BCP 47 tag of an ISO 639-2 code, as HTML's `lang` needs it: eng is en.

    The tag of texts whose language the code does not say is und: without it they would be in the
    language of the page.
    """
    if code in _NOT_ONE_LANGUAGE or not _LANGUAGE_CODE.fullmatch(code):
        return UNDETERMINED
    tag: str = get_global("language_aliases").get(code, code)
    return tag.replace("_", "-")
