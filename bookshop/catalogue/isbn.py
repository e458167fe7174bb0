"""Reads ISBNs as people type, print and scan them.

https://www.isbn-international.org/content/isbn-users-manual
"""

from __future__ import annotations

import re
import unicodedata

from stdnum import ean
from stdnum import isbn as isbn_number
from stdnum.exceptions import ValidationError

ISBN_10, ISBN_13 = 10, 13
MIN_DIGITS = 7  # of an ISBN-10 whose leading zeros a spreadsheet has removed
MAX_LENGTH = 80  # characters of a text that can be an ISBN with its label and note
_CANONICAL = re.compile(r"97[89][0-9]{10}")
_LABEL = re.compile(r"(?:urn:)?(?:[ep]?-?isbn|ean|gtin)", re.IGNORECASE)
_LABEL_NUMBER = re.compile(r"[\s-]?1[03]\b")  # ISBN-13
_NOTE = re.compile(r"[(\[{]")  # 9780306406157 (pbk.)
# The second barcode of a book: a price of five digits, or an issue of two.
_ADD_ON = re.compile(r"(?P<isbn>.*[0-9xX])[\s+]+(?:[0-9]{5}|[0-9]{2})")
_SCANNED_ADD_ON = re.compile(r"(?P<isbn>97[89][0-9]{10})(?:[0-9]{5}|[0-9]{2})")
_BESIDE = " \t\n\r:#.,;'\"`\u00b4\u2018\u2019\u201c\u201d="
_BETWEEN = re.compile(r"[\s.-]+")


def read_isbn(text: str) -> str | None:
    """Return the ISBN-13 that a text consists of; None if it is anything else, or invalid.

    It may be an ISBN-10 or ISBN-13 with spaces, hyphens or invisible characters, a label, quotation
    marks, a note in brackets, or the digits of a second barcode. Leading zeros of an ISBN-10 may be
    missing.
    """
    if _CANONICAL.fullmatch(text):  # the usual case, without the cost of the others
        return text if ean.calc_check_digit(text[:-1]) == text[-1] else None
    if len(text) > MAX_LENGTH:
        return None
    for candidate in _candidates(plain_isbn(text)):
        number = _BETWEEN.sub("", candidate).upper()
        if MIN_DIGITS <= len(number) < ISBN_10:
            number = number.rjust(ISBN_10, "0")
        try:
            return str(isbn_number.validate(number, convert=True))
        except ValidationError:
            continue
    return None


def plain_isbn(text: str) -> str:
    """Return the number as it is typed, without its label and note, quotation marks and the like.

    It need not be valid: errors quote it. A text that is longer than any ISBN is cut.
    """
    signs = (_plain_sign(sign) for sign in unicodedata.normalize("NFKC", text[:MAX_LENGTH]))
    plain = "".join(signs).strip(_BESIDE)
    label = _LABEL.match(plain)
    if label is not None:
        plain = plain[label.end() :]
        number = _LABEL_NUMBER.match(plain)
        # "ISBN 13…" may be the number itself.
        if number is not None and sum(map(str.isdigit, plain[number.end() :])) >= MIN_DIGITS:
            plain = plain[number.end() :]
    return _NOTE.split(plain, maxsplit=1)[0].strip(_BESIDE + "-").removesuffix(".0")


def isbn_fault(plain: str) -> str:
    """Return why a number from `plain_isbn` is no ISBN, as the end of a sentence."""
    digits = sum(character.isdigit() for character in plain)
    if digits not in {ISBN_10, ISBN_13}:
        return f"it has {digits} digits; an ISBN has 13"
    if digits == ISBN_13 and not plain.startswith(("978", "979")):
        return "it must have 13 digits and begin with 978 or 979"
    return "its check digit does not match; please compare it with the book"


def _plain_sign(sign: str) -> str:
    """Return a hyphen for every dash, and nothing for a sign that is not seen."""
    category = unicodedata.category(sign)
    if category == "Pd" or sign == "\N{MINUS SIGN}":
        return "-"
    return "" if category == "Cf" or (category == "Cc" and not sign.isspace()) else sign


def _candidates(plain: str) -> list[str]:
    add_on = _ADD_ON.fullmatch(plain) or _SCANNED_ADD_ON.fullmatch(plain)
    return [plain, *([add_on["isbn"]] if add_on is not None else [])]
