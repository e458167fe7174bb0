"""Product forms (ONIX list 150) and their details (list 175), grouped into formats."""

from __future__ import annotations

from enum import StrEnum

HARDBACKS = frozenset({"BB", "BG"})
# The details of ONIX list 175 that matter to readers: name, prefixes of forms, codes.
DETAILS = (
    ("EPUB", ("E",), frozenset({"E101", "E102", "E150"})),
    ("PDF", ("E",), frozenset({"E107", "E108"})),
    ("KINDLE", ("E",), frozenset({"E116", "E127", "E148"})),
    ("MP3", ("AC", "AE"), frozenset({"A103"})),
)


class Format(StrEnum):
    """The formats that customers choose between."""

    HARDBACK = "hardback"
    PAPERBACK = "paperback"
    EBOOK = "ebook"
    AUDIOBOOK = "audiobook"
    OTHER = "other"


def format_of(form: str) -> Format:
    """Return the format of a ProductForm (ONIX list 150)."""
    if form in HARDBACKS:
        return Format.HARDBACK
    if form == "BC":
        return Format.PAPERBACK
    if form.startswith("E"):
        return Format.EBOOK
    return Format.AUDIOBOOK if form.startswith("A") else Format.OTHER


def form_key(form: str, details: tuple[str, ...]) -> str:
    """Return a ProductForm followed by the detail that matters to readers: ED.EPUB, or ED."""
    for name, prefixes, codes in DETAILS:
        if form.startswith(prefixes) and codes.intersection(details):
            return f"{form}.{name}"
    return form
