"""Block 1 of a record, DescriptiveDetail: what kind of product it is, of whom, and about what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bookshop.catalogue.edition import KEYWORD, Contributor, Feature, Series, Subject
from bookshop.catalogue.importing.onix.tags import Parts, every, first, within
from bookshop.catalogue.importing.records import Refusal

UNDEFINED_FORM = "00"  # List 150
# List 15: the distinctive title, the one of which nobody says what it is, the expanded one.
TITLES = ("01", "00", "", "13")
# List 149
PRODUCT = "01"
COLLECTIONS = ("02", "03", "06", "07")
ACCESSIBILITY = "09"  # List 79
TEXT_LANGUAGE = "01"  # List 22
# List 23: the pages that the reader has, the best count first; and how long it plays.
PAGE_COUNTS = ("00", "11", "05", "07", "10", "08")
DURATIONS = ("09", "14", "16")
# List 24: pages, what is made of how many seconds, and the time as clocks show it.
PAGES = "03"
UNITS = {"04": 3600, "05": 60, "06": 1, "14": 3600}
HOURS_MINUTES, HOURS_MINUTES_SECONDS = "15", "16"  # HHHMM, HHHMMSS
# List 27: codes that nobody but the sender understands.
PROPRIETARY = frozenset({"23", "24"})
MOST_KEYWORDS = 100
MOST_DIGITS = 6
# List 19
UNNAMED = {
    "01": "Unknown",
    "02": "Anonymous",
    "03": "and others",
    "04": "Various",
    "05": "Synthesised voice",
    "06": "Synthesised voice",
    "07": "Synthesised voice",
    "08": "Synthesised voice",
    "09": "Artificial intelligence",
}
_FORM = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{3}")
_LENGTH = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_ROLE = re.compile(r"[A-Z]\d\d")
_LAST = 1_000_000  # Who has no number comes after who has.


def descriptive(block: Parts) -> dict[str, Any]:
    """The edition's fields that this block tells. Raises Refusal where there is no title."""
    title, subtitle, inner = _title(block)
    series = tuple(_series(block)) or inner
    form = first(block, "ProductForm")
    pages, minutes = _extent(block)
    return {
        "title": title,
        "subtitle": subtitle,
        "series": tuple(dict.fromkeys(series)),
        "contributors": tuple(dict.fromkeys(_contributors(block))),
        "form": form if _FORM.fullmatch(form) else UNDEFINED_FORM,
        "details": tuple(dict.fromkeys(every(block, "ProductFormDetail"))),
        "language": _language(block),
        "pages": pages,
        "minutes": minutes,
        "subjects": tuple(dict.fromkeys(_subjects(block))),
        "accessibility": tuple(dict.fromkeys(_accessibility(block))),
    }


def _title(block: Parts) -> tuple[str, str | None, tuple[Series, ...]]:
    """Title, subtitle, and the series that the title itself names."""
    details = within(block, "TitleDetail")
    details.sort(key=lambda found: _place(TITLES, first(found, "TitleType")))
    for detail in details[:1]:
        elements = within(detail, "TitleElement")
        levels = [(first(element, "TitleElementLevel"), element) for element in elements]
        own = next((element for level, element in levels if level in {PRODUCT, ""}), {})
        number = first(own, "PartNumber")
        above = [
            (name, first(element, "PartNumber") or number)
            for level, element in levels
            if level in COLLECTIONS and (name := _name(element))
        ]
        series = tuple(Series(name, part or None) for name, part in above)
        # A part without a name of its own goes by the name of the whole, and its number.
        title = _name(own) or ", ".join(part for part in (above[-1] if above else ()) if part)
        title = title or next((name for _, element in levels if (name := _name(element))), "")
        if title:
            return title, first(own, "Subtitle") or None, series
    raise Refusal("The record has no title: add a TitleDetail of TitleType 01.")


def _name(element: Parts) -> str:
    whole = first(element, "TitleText")
    if whole:
        return whole
    prefix, rest = first(element, "TitlePrefix"), first(element, "TitleWithoutPrefix")
    if not rest:
        return ""
    joint = "" if not prefix or prefix.endswith(("'", "\N{RIGHT SINGLE QUOTATION MARK}")) else " "
    return f"{prefix}{joint}{rest}"


def _series(block: Parts) -> Iterator[Series]:
    for collection in within(block, "Collection"):
        elements = [
            element
            for detail in within(collection, "TitleDetail")
            for element in within(detail, "TitleElement")
        ]
        named = [
            (name, first(element, "PartNumber"))
            for element in elements
            if first(element, "TitleElementLevel") != PRODUCT and (name := _name(element))
        ]
        if not named:
            continue
        sequences = within(collection, "CollectionSequence")
        number = next(
            (found for element in elements if (found := first(element, "PartNumber"))), ""
        ) or next((first(found, "CollectionSequenceNumber") for found in sequences), "")
        # Of a series in a series the one that the book is a part of is named last.
        yield Series(named[-1][0], named[-1][1] or number or None)


def _contributors(block: Parts) -> Iterator[Contributor]:
    people = within(block, "Contributor")
    people.sort(key=lambda found: _number(first(found, "SequenceNumber")) or _LAST)
    for person in people:
        name, inverted = _person(person)
        if name:
            roles = [role for role in every(person, "ContributorRole") if _ROLE.fullmatch(role)]
            for role in roles or ["Z99"]:
                yield Contributor(name, role, inverted or None)


def _person(person: Parts) -> tuple[str, str]:
    """A name as it is spoken, and as it is sorted."""
    name = first(person, "PersonName")
    inverted = first(person, "PersonNameInverted")
    key = " ".join(filter(None, (first(person, "PrefixToKey"), first(person, "KeyNames"))))
    if key:
        before, after = first(person, "NamesBeforeKey"), first(person, "NamesAfterKey")
        suffix = first(person, "SuffixToKey")
        name = name or " ".join(filter(None, (before, key, after, suffix)))
        inverted = inverted or ", ".join(filter(None, (key, before, after, suffix)))
    if name or inverted:
        return name or _turned(inverted), inverted
    name = first(person, "CorporateName")
    inverted = first(person, "CorporateNameInverted")
    if name or inverted:
        return name or _turned(inverted), inverted
    return UNNAMED.get(first(person, "UnnamedPersons"), ""), ""


def _turned(inverted: str) -> str:
    """The spoken name behind a sorted one: King, Martin Luther, Jr."""
    key, _, rest = inverted.partition(",")
    before, comma, after = rest.partition(",")
    return " ".join(f"{before.strip()} {key.strip()}{comma}{after}".split())


def _language(block: Parts) -> str:
    for found in within(block, "Language"):
        code = first(found, "LanguageCode")
        if first(found, "LanguageRole") in {TEXT_LANGUAGE, ""} and _LANGUAGE.fullmatch(code):
            return code
    return "und"


def _extent(block: Parts) -> tuple[int | None, int | None]:
    """Pages and minutes."""
    pages: dict[str, int] = {}
    minutes: dict[str, int] = {}
    for found in within(block, "Extent"):
        kind, unit = first(found, "ExtentType"), first(found, "ExtentUnit")
        value = first(found, "ExtentValue")
        if kind in PAGE_COUNTS and unit == PAGES:
            count = _number(value)
            if count:
                pages.setdefault(kind, count)
        elif kind in DURATIONS:
            length = _minutes(value, unit)
            if length:
                minutes.setdefault(kind, length)
    return (
        next((pages[kind] for kind in PAGE_COUNTS if kind in pages), None),
        next((minutes[kind] for kind in DURATIONS if kind in minutes), None),
    )


def _minutes(value: str, unit: str) -> int | None:
    """A length in whole minutes, rounded; None where it cannot be read."""
    if not _LENGTH.fullmatch(value):
        return None
    if unit in {HOURS_MINUTES, HOURS_MINUTES_SECONDS} and value.isdigit():
        clock = value + ("00" if unit == HOURS_MINUTES else "")
        clock = clock.zfill(7)
        seconds = int(clock[:-4]) * 3600 + int(clock[-4:-2]) * 60 + int(clock[-2:])
    elif unit in UNITS:
        seconds = int(Decimal(value) * UNITS[unit])
    else:
        return None
    return (seconds + 30) // 60 or None


def _subjects(block: Parts) -> Iterator[Subject]:
    for found in within(block, "Subject"):
        scheme = first(found, "SubjectSchemeIdentifier")
        heading = first(found, "SubjectHeadingText")
        if scheme == KEYWORD:
            mark = ";" if ";" in heading else ","
            words = filter(None, (word.strip() for word in heading.split(mark)))
            yield from (Subject(scheme, heading=word) for word in list(words)[:MOST_KEYWORDS])
        elif scheme and scheme not in PROPRIETARY:
            code = first(found, "SubjectCode").replace(" ", "")
            if code or heading:
                yield Subject(scheme, code, heading or None, main="MainSubject" in found)


def _accessibility(block: Parts) -> Iterator[Feature]:
    for found in within(block, "ProductFormFeature"):
        code = first(found, "ProductFormFeatureValue")
        if first(found, "ProductFormFeatureType") == ACCESSIBILITY and code:
            yield Feature(code, first(found, "ProductFormFeatureDescription") or None)


def _number(written: str) -> int | None:
    return (
        int(written)
        if written.isascii() and written.isdigit() and len(written) <= MOST_DIGITS
        else None
    )


def _place(wanted: tuple[str, ...], code: str) -> int:
    return wanted.index(code) if code in wanted else len(wanted)
