"""Parses and formats the values of a CSV file: lists, ISBNs, numbers, languages.

A value may be a list: items are separated by semicolons, the parts of an item by bars; a backslash
escapes either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from babel import Locale
from babel.core import get_global

from bookshop.catalogue.importing.csv.cells import clean_code
from bookshop.catalogue.importing.records import RecordError
from bookshop.catalogue.isbn import isbn_fault, plain_isbn, read_isbn

_SCIENTIFIC = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+")
_PROSE = re.compile(r"[^\W\d_]{2}")
_COUNT = re.compile(r"[0-9]{1,9}")
_LANGUAGE = re.compile(r"[a-z]{3}")
LANGUAGE_NAMES_IN = ("it", "es", "fr", "de", "en")  # later ones take precedence


def join_list(items: Iterable[Sequence[str]]) -> str:
    """Return items of one or more parts as one value, without empty parts at their ends."""
    return "; ".join("|".join(map(_escape, _without_empty_end(parts))) for parts in items)


def split_list(value: str) -> list[list[str]]:
    """Return the items of a value, each as a list of stripped parts."""
    items: list[list[str]] = [[""]]
    escaped = False
    for character in value:
        if escaped:
            items[-1][-1] += character
        elif character == ";":
            items.append([""])
        elif character == "|":
            items[-1].append("")
        elif character != "\\":
            items[-1][-1] += character
        escaped = character == "\\" and not escaped
    stripped = ([part.strip() for part in parts] for parts in items)
    return [parts for parts in stripped if any(parts)]


def parts_of(item: list[str], count: int) -> list[str]:
    """Return exactly `count` parts of an item. Raises RecordError if there are more."""
    if len(item) > count:
        raise RecordError("too_many_parts", f"“{'|'.join(item)}” has more than {count} parts.")
    return [*item, *[""] * (count - len(item))]


def parse_isbn(value: str) -> str:
    """Return an ISBN-13 from an ISBN in any form that `read_isbn` reads.

    Raises RecordError, also for digits that a spreadsheet has lost.
    """
    isbn = read_isbn(value)
    if isbn is not None:
        return isbn
    text = plain_isbn(value)
    if _SCIENTIFIC.fullmatch(text):
        raise RecordError(
            "isbn_digits_lost",
            f"The ISBN {text} is in scientific notation, so most of its digits are lost: format the"
            " column as Text in the spreadsheet, and export it again.",
            text,
        )
    if _PROSE.search(text):
        raise RecordError(
            "text_in_isbn_column",
            f"The column of ISBNs has the text “{text[:80]}”: check that the values are below the"
            " right headers.",
            text,
        )
    raise RecordError("invalid_isbn", f"The ISBN {text} is wrong: {isbn_fault(text)}.", text)


def parse_count(value: str) -> int:
    """Return a number from 12 or 12.0. Raises RecordError."""
    text = clean_code(value).removesuffix(".0")
    if not _COUNT.fullmatch(text):
        raise RecordError("invalid_number", f"{text} is not a whole number: write it like 12.")
    return int(text)


def parse_language(value: str) -> str:
    """Return an ISO 639-2/B code, for example eng, from eng, en, English or Anglais.

    Raises RecordError.
    """
    text = clean_code(value).lower()
    if _LANGUAGE.fullmatch(text):
        return text
    code = _language_codes().get(text)
    if code is None:
        raise RecordError(
            "unknown_language",
            f"The language {text} is unknown: write its code, for example eng or ger.",
        )
    return code


@cache
def _language_codes() -> dict[str, str]:
    """Return ISO 639-2/B codes by ISO 639-1 codes, and by names in lower case."""
    aliases = get_global("language_aliases")
    three_letters = {short: code for code, short in aliases.items() if _LANGUAGE.fullmatch(code)}
    by_name = {
        name.lower(): three_letters[short]
        for locale in LANGUAGE_NAMES_IN
        for short, name in Locale(locale).languages.items()
        if short in three_letters
    }
    return {**by_name, **three_letters}


def _without_empty_end(parts: Sequence[str]) -> Sequence[str]:
    end = len(parts)
    while end > 1 and not parts[end - 1]:
        end -= 1
    return parts[:end]


def _escape(part: str) -> str:
    return re.sub(r"([\\;|])", r"\\\1", part)
