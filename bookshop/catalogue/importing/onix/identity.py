"""Which product a record is about: its ISBN, or the sender's own number for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import ean
from stdnum import isbn as isbns
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError

from bookshop.catalogue.importing.onix.tags import Parts, first, within
from bookshop.catalogue.importing.records import Refusal

# ONIX list 5.
PROPRIETARY = "01"
ISBN_10 = "02"
GTIN_13 = "03"
ISBN_13 = "15"
BOOKS = ("978", "979")
SHEET_MUSIC = "9790"  # The part of 979 that is no ISBN but an ISMN.
_PLAIN = re.compile("97[89][0-9]{10}")


def identity(record: Parts) -> tuple[str | None, str | None]:
    """SKU and ISBN of what has ProductIdentifiers.

    The ISBN, in 13 digits, is the SKU; what has none goes by the sender's own number, or by its
    bar code. Raises Refusal for a wrong ISBN.
    """
    numbers = _numbers(record)
    printed = printed_isbn(numbers)
    if printed is not None:
        isbn = valid_isbn(printed)
        return isbn, isbn
    return numbers.get(PROPRIETARY) or numbers.get(GTIN_13), None


def isbn_of(record: Parts) -> str | None:
    """The ISBN of what has ProductIdentifiers, None where it has none or a wrong one."""
    printed = printed_isbn(_numbers(record))
    try:
        return None if printed is None else valid_isbn(printed)
    except Refusal:
        return None


def printed_isbn_of(record: Parts) -> str | None:
    """The ISBN that is printed there, be it right or wrong."""
    return printed_isbn(_numbers(record))


def printed_isbn(numbers: dict[str, str]) -> str | None:
    """The ISBN among numbers by their types of list 5, as it is printed."""
    barcode = numbers.get(GTIN_13, "")
    return (
        numbers.get(ISBN_13)
        or (barcode if barcode.startswith(BOOKS) and not _is_music(barcode) else None)
        or numbers.get(ISBN_10)
    )


def valid_isbn(printed: str) -> str:
    """A printed ISBN in 13 digits. Raises Refusal that says what is wrong with it."""
    if _PLAIN.fullmatch(printed) and ean.calc_check_digit(printed[:-1]) == printed[-1]:
        return printed  # As nearly all are: no need to look for marks between the digits.
    try:
        return isbns.validate(printed, convert=True)
    except InvalidChecksum:
        why = "its check digit does not fit: one of its digits is wrong"
    except InvalidLength:
        digits = sum(letter.isdigit() for letter in printed)
        why = f"it has {digits} digits where an ISBN has 13"
    except ValidationError:
        why = "it must be 13 digits that begin with 978 or 979"
    raise Refusal(f"The ISBN {printed} is wrong: {why}.", printed)


def _numbers(record: Parts) -> dict[str, str]:
    """The identifiers by type; of two with the same type the first."""
    return dict(reversed(list(_pairs(record))))


def _pairs(record: Parts) -> Iterator[tuple[str, str]]:
    for found in within(record, "ProductIdentifier"):
        value = first(found, "IDValue")
        if value:
            yield first(found, "ProductIDType"), value


def _is_music(barcode: str) -> bool:
    return barcode.startswith(SHEET_MUSIC)
