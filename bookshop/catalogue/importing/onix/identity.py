"""The product identifiers of a record: its ISBN, or the sender's own identifier."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import ean

from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text
from bookshop.catalogue.importing.records import RecordError
from bookshop.catalogue.isbn import isbn_fault, plain_isbn, read_isbn

# ONIX list 5.
PROPRIETARY = "01"
ISBN_10 = "02"
GTIN_13 = "03"
ISBN_13 = "15"
ISBN_PREFIXES = ("978", "979")
SHEET_MUSIC = "9790"  # ISMNs share the prefix 979 with ISBNs.
_ISBN_13_DIGITS = re.compile("97[89][0-9]{10}")


def identity(record: Composite) -> tuple[str | None, str | None]:
    """Return SKU and ISBN.

    The SKU is the ISBN-13; without an ISBN, the sender's own identifier or the GTIN. Raises
    RecordError for an invalid ISBN.
    """
    identifiers = _identifiers(record)
    printed = _printed_isbn(identifiers)
    if printed is not None:
        isbn = valid_isbn(printed)
        return isbn, isbn
    return identifiers.get(PROPRIETARY) or identifiers.get(GTIN_13), None


def isbn_of(record: Composite) -> str | None:
    """Return the ISBN-13; None if there is none, or an invalid one."""
    printed = printed_isbn_of(record)
    try:
        return None if printed is None else valid_isbn(printed)
    except RecordError:
        return None


def printed_isbn_of(record: Composite) -> str | None:
    """Return the ISBN as it is printed, valid or not."""
    return _printed_isbn(_identifiers(record))


def valid_isbn(printed: str) -> str:
    """Return an ISBN as ISBN-13. Raises RecordError, which names the fault."""
    if _ISBN_13_DIGITS.fullmatch(printed) and ean.calc_check_digit(printed[:-1]) == printed[-1]:
        return printed  # The usual case, without the cost of removing hyphens.
    isbn = read_isbn(printed)
    if isbn is None:
        fault = isbn_fault(plain_isbn(printed))
        raise RecordError("invalid_isbn", f"The ISBN {printed} is wrong: {fault}.", printed)
    return isbn


def _printed_isbn(identifiers: dict[str, str]) -> str | None:
    barcode = identifiers.get(GTIN_13, "")
    is_isbn = barcode.startswith(ISBN_PREFIXES) and not barcode.startswith(SHEET_MUSIC)
    return identifiers.get(ISBN_13) or (barcode if is_isbn else None) or identifiers.get(ISBN_10)


def _identifiers(record: Composite) -> dict[str, str]:
    """Return the identifiers by type (list 5); of two of one type, the first."""
    return dict(reversed(list(_typed_values(record))))


def _typed_values(record: Composite) -> Iterator[tuple[str, str]]:
    for identifier in composites(record, "ProductIdentifier"):
        value = first_text(identifier, "IDValue")
        if value:
            yield first_text(identifier, "ProductIDType"), value
