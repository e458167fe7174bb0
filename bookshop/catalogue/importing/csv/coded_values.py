"""Parses and formats the values of columns with codes: forms, subjects and prices."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from bookshop.catalogue import labels
from bookshop.catalogue.codes import form_words, subject_words
from bookshop.catalogue.codes.product_forms import FORMS
from bookshop.catalogue.codes.subjects import SUBJECTS
from bookshop.catalogue.edition import KEYWORD, THEMA, Edition, Price, Subject
from bookshop.catalogue.importing.csv.amounts import parse_amount
from bookshop.catalogue.importing.csv.cells import clean_code
from bookshop.catalogue.importing.csv.column_values import Fields
from bookshop.catalogue.importing.csv.dates import parse_day
from bookshop.catalogue.importing.csv.values import join_list, parts_of, split_list
from bookshop.catalogue.importing.records import RecordError
from bookshop.catalogue.search.text_normalization import sort_key, words
from bookshop.money import Money, known_currencies

BISAC = "10"  # ONIX list 27
MAIN_SUBJECT = "main"
ISO = "en_GB"  # the column `prices` has the dates of the export
_FORM_CODE = re.compile(r"[A-Za-z][A-Za-z]|00")
_THEMA_CODE = re.compile(r"[A-Z][A-Z0-9]{0,9}|[1-6][A-Z0-9][A-Z0-9-]{0,20}")
_BISAC_CODE = re.compile(r"[A-Z]{3}[0-9]{6}")


def format_form(edition: Edition) -> str:
    """Return the code of list 150; its label where the code is also a common abbreviation (PB)."""
    is_word = edition.form.lower() in form_words.CODES
    return str(FORMS.get(edition.form, edition.form)) if is_word else edition.form


def parse_form(value: str) -> Fields:
    """Return form and details from a name or a code of list 150. Raises RecordError."""
    text = clean_code(value)
    codes = _forms().get(sort_key(text))
    if codes is not None:
        form, *details = codes
        return {"form": form, **({"details": tuple(details)} if details else {})}
    if _FORM_CODE.fullmatch(text):
        return {"form": text.upper()}
    raise RecordError(
        "unknown_form",
        f"The format {text} is unknown: write for example hardback, paperback, EPUB, audiobook or"
        " calendar, or a code of ONIX list 150.",
    )


def format_subjects(edition: Edition) -> str:
    """Return the subjects, each with its scheme."""
    # Always with three bars, as a single part would be read as a code or a keyword.
    return join_list(
        (each.scheme, each.code, each.heading or "", MAIN_SUBJECT if each.main else "")
        for each in edition.subjects
    )


def parse_subjects(value: str) -> Fields:
    """Return subjects: codes of Thema or BISAC, keywords, or `scheme|code|heading|main`.

    Raises RecordError.
    """
    subjects: list[Subject] = []
    for item in split_list(value):
        if len(item) == 1:
            subjects.extend(_typed_subjects(item[0]))
        else:
            scheme, code, heading, main = parts_of(item, 4)
            subjects.append(Subject(scheme, code, heading or None, main=main == MAIN_SUBJECT))
    return {"subjects": tuple(subjects)}


def parse_keywords(value: str) -> Fields:
    """Return the subjects of keywords, which commas may separate. Raises RecordError."""
    return parse_subjects(value if ";" in value else value.replace(",", ";"))


@lru_cache(maxsize=1024)  # most rows repeat the subjects of others
def _typed_subjects(text: str) -> tuple[Subject, ...]:
    """Return the Thema subject that a text means, and the text as a keyword unless that has it."""
    keyword = Subject(KEYWORD, heading=text)
    code = _subject_codes().get(sort_key(text))
    if code is not None:
        has_words = set(words(text)) <= set(words(str(labels.subject(code))))
        return (Subject(THEMA, code), *(() if has_words else (keyword,)))
    if _THEMA_CODE.fullmatch(text) and (text[0].isdigit() or text[:2] in SUBJECTS):
        return (Subject(THEMA, text),)
    return (Subject(BISAC, text),) if _BISAC_CODE.fullmatch(text) else (keyword,)


@cache
def _forms() -> dict[str, tuple[str, ...]]:
    """Return forms with their details by folded words."""
    return {
        **{sort_key(str(label)): (code,) for code, label in FORMS.items() if "." not in code},
        **form_words.CODES,
    }


@cache
def _subject_codes() -> dict[str, str]:
    """Return Thema codes by folded words."""
    return {**subject_words.CODES, **{sort_key(str(label)): c for c, label in SUBJECTS.items()}}


def format_prices(edition: Edition) -> str:
    """Return the prices."""
    return join_list(
        (
            f"{Money(price.amount, price.currency).value:f} {price.currency}",
            price.type,
            price.tax or "",
            price.tax_percent or "",
            price.starts.isoformat() if price.starts else "",
            price.ends.isoformat() if price.ends else "",
            " ".join(price.countries),
            " ".join(price.excluded),
        )
        for price in edition.prices
    )


def parse_prices(value: str) -> Fields:
    """Return prices from `amount currency|type|tax|percent|from|until|countries|excluded`.

    Raises RecordError.
    """
    return {"prices": tuple(_parse_price(parts_of(item, 8)) for item in split_list(value))}


def _parse_price(parts: list[str]) -> Price:
    price, price_type, tax, percent, starts, ends, countries, excluded = parts
    amount, _space, currency = price.rpartition(" ")
    if currency not in known_currencies():
        raise RecordError(
            "unknown_currency", f"The price {price} has no currency: write it like 12.99 GBP."
        )
    return Price(
        currency,
        parse_amount(amount, currency),
        price_type or "02",
        tax or None,
        percent or None,
        parse_day(starts, ISO, whole=True) if starts else None,
        parse_day(ends, ISO, whole=True) if ends else None,
        tuple(countries.split()),
        tuple(excluded.split()),
    )
