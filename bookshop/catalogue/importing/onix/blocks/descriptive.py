"""Block 1 of a record, DescriptiveDetail: title, contributors, form, extent, subjects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bookshop.catalogue.edition import KEYWORD, TRADE_ONLY, Feature, Restriction, Subject
from bookshop.catalogue.importing.onix.blocks.contributors import contributors
from bookshop.catalogue.importing.onix.blocks.extents import pages_and_minutes
from bookshop.catalogue.importing.onix.blocks.titles import map_titles, series_of_collections
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text, text_in, texts

UNDEFINED_FORM = "00"  # List 150
ACCESSIBILITY = "09"  # List 79
TEXT_LANGUAGE = "01"  # List 22
# List 27: codes that are defined by the sender alone.
PROPRIETARY_SCHEMES = frozenset({"23", "24"})
MAX_KEYWORDS = 100
# List 2: a single item, several items, and a pack that may be sold as a whole. Other compositions
# are for the trade, or not sold as a whole.
RETAIL_COMPOSITIONS = frozenset({"", "00", "10", "31"})
TRADE_FORMS = "X"  # list 150: material for the trade and packs begin with it
_FORM = re.compile(r"[A-Z]{2}")
_LANGUAGE = re.compile(r"[a-z]{3}")


def map_descriptive(block: Composite, language: str) -> dict[str, Any]:
    """Return the edition's fields that this block sets. Raises RecordError without a title.

    `language` is the shop's, in which texts are chosen.
    """
    titles = map_titles(block)
    series = tuple(series_of_collections(block)) or titles.series
    form = first_text(block, "ProductForm")
    pages, minutes = pages_and_minutes(block)
    return {
        "title": titles.title,
        "sort_title": titles.sort_title,
        "subtitle": titles.subtitle,
        "series": tuple(dict.fromkeys(series)),
        "contributors": tuple(dict.fromkeys(contributors(block))),
        "form": form if _FORM.fullmatch(form) else UNDEFINED_FORM,
        "details": tuple(dict.fromkeys(texts(block, "ProductFormDetail"))),
        "language": _language(block),
        "pages": pages,
        "minutes": minutes,
        "subjects": tuple(dict.fromkeys(_subjects(block, language))),
        "accessibility": tuple(dict.fromkeys(_accessibility(block, language))),
    }


def trade_restrictions(block: Composite) -> tuple[Restriction, ...]:
    """Return a ban on the sale of packs and other products for the trade."""
    is_retail = first_text(block, "ProductComposition") in RETAIL_COMPOSITIONS and not first_text(
        block, "ProductForm"
    ).startswith(TRADE_FORMS)
    return () if is_retail else (Restriction(TRADE_ONLY),)


def _language(block: Composite) -> str:
    for language in composites(block, "Language"):
        code = first_text(language, "LanguageCode").lower()
        if first_text(language, "LanguageRole") in {TEXT_LANGUAGE, ""} and _LANGUAGE.fullmatch(
            code
        ):
            return code
    return "und"


def _subjects(block: Composite, language: str) -> Iterator[Subject]:
    for subject in composites(block, "Subject"):
        scheme = first_text(subject, "SubjectSchemeIdentifier")
        heading = text_in(subject, "SubjectHeadingText", language)
        if scheme == KEYWORD:
            separator = ";" if ";" in heading else ","
            keywords = filter(None, (keyword.strip() for keyword in heading.split(separator)))
            yield from (Subject(scheme, heading=word) for word in list(keywords)[:MAX_KEYWORDS])
        elif scheme and scheme not in PROPRIETARY_SCHEMES:
            code = first_text(subject, "SubjectCode").replace(" ", "")
            if code or heading:
                yield Subject(scheme, code, heading or None, main="MainSubject" in subject)


def _accessibility(block: Composite, language: str) -> Iterator[Feature]:
    for feature in composites(block, "ProductFormFeature"):
        code = first_text(feature, "ProductFormFeatureValue")
        if first_text(feature, "ProductFormFeatureType") == ACCESSIBILITY and code:
            description = text_in(feature, "ProductFormFeatureDescription", language)
            yield Feature(code, description or None)
