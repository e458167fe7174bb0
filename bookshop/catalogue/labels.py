"""The trade's codes in plain words.

ONIX code lists: https://www.editeur.org/14/Code-Lists/. Thema: https://www.editeur.org/151/Thema/.
What these functions give is to be translated, except names of languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from bookshop.catalogue.codes.accessibility import DAYS, FACTS, MAILBOXES, NEED_DETAIL
from bookshop.catalogue.codes.product_forms import FORMS, KINDS
from bookshop.catalogue.codes.roles import ROLES
from bookshop.catalogue.codes.subjects import SUBJECTS
from bookshop.catalogue.edition import THEMA, Feature, Subject
from bookshop.i18n import Translate, _


@dataclass(frozen=True)
class Fact:
    """Something about an e-book's accessibility.

    `label` is to be translated; `detail` is the publisher's own text, name or date (ISO 8601) for
    it; `url` is where that leads, if it is an address: http, https or mailto.
    """

    label: Any
    detail: str | None
    url: str | None


def form(key: str) -> Any:
    """A `forms.form_key` in words; one without words of its own is told by its kind."""
    whole = key.partition(".")[0]
    return FORMS.get(key) or FORMS.get(whole) or KINDS.get(whole[:1], KINDS["B"])


def role(code: str) -> Any:
    """A ContributorRole (list 17) in words."""
    return ROLES.get(code, _("Contributor"))


def subject(code: str) -> Any | None:
    """A Thema subject in words, or the nearest above it that has some; None for a qualifier."""
    path = subject_path(code)
    return path[-1][1] if path else None


def subject_path(code: str) -> tuple[tuple[str, Any], ...]:
    """The Thema subjects from the widest down to `code`, each with its words."""
    above = (code[:length] for length in range(1, len(code) + 1))
    return tuple((each, SUBJECTS[each]) for each in above if each in SUBJECTS)


def heading(of: Subject, translate: Translate) -> str | None:
    """A Thema subject in words, its own or ours, in the reader's language; None without any."""
    if of.scheme != THEMA:
        return None
    found = subject(of.code)
    return of.heading or (translate(found) if found else None)


def main_subject(subjects: Iterable[Subject]) -> Subject | None:
    """The Thema subject under which a book stands: its main one, or else its first."""
    found = [each for each in subjects if each.scheme == THEMA]
    return next((each for each in found if each.main), found[0] if found else None)


def accessibility(features: Iterable[Feature]) -> list[tuple[Any, list[Fact]]]:
    """An edition's features (list 196) under headings, both in the order of a page.

    Left out are codes that have no words, and those that say nothing without the text that is
    missing.
    """
    texts: dict[str, list[str | None]] = {}
    for feature in features:
        texts.setdefault(feature.code, []).append(feature.text)
    found = [
        (
            group.value,
            [
                _fact(code, label, text)
                for code, label in labels.items()
                for text in texts.get(code, [])
                if text or code not in NEED_DETAIL
            ],
        )
        for group, labels in FACTS.items()
    ]
    return [(heading, facts) for heading, facts in found if facts]


def _fact(code: str, label: Any, text: str | None) -> Fact:
    if text is None:
        return Fact(label, None, None)
    if code in DAYS:
        return Fact(label, _day(text), None)
    if text.startswith(("https://", "http://")):
        return Fact(label, text, text)
    return Fact(label, text, f"mailto:{text}" if code in MAILBOXES and "@" in text else None)


def _day(text: str) -> str:
    """A day as ONIX writes it (20260131) in ISO 8601; what is none stays as it is."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return text


@lru_cache(maxsize=1024)  # a list says it of each book, and Babel looks up two locales for it
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
