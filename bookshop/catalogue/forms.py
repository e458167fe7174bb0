"""Product forms: ONIX list 150 and its details, list 175, in the groups that customers look for."""

from __future__ import annotations

from enum import StrEnum

HARD = frozenset({"BB", "BG"})
# Of the details of list 175 those that matter to a reader, each for the forms that it is told of.
DETAILS = (
    ("EPUB", ("E",), frozenset({"E101", "E102", "E150"})),
    ("PDF", ("E",), frozenset({"E107", "E108"})),
    ("KINDLE", ("E",), frozenset({"E116", "E127", "E148"})),
    ("MP3", ("AC", "AE"), frozenset({"A103"})),
)


class Format(StrEnum):
    """What customers choose between."""

    HARDBACK = "hardback"
    PAPERBACK = "paperback"
    EBOOK = "ebook"
    AUDIOBOOK = "audiobook"
    OTHER = "other"


def format_of(form: str) -> Format:
    """The group of a ProductForm (list 150)."""
    if form in HARD:
        return Format.HARDBACK
    if form == "BC":
        return Format.PAPERBACK
    if form.startswith("E"):
        return Format.EBOOK
    return Format.AUDIOBOOK if form.startswith("A") else Format.OTHER


def form_key(form: str, details: tuple[str, ...]) -> str:
    """A ProductForm, with the detail that matters to readers behind a dot: ED.EPUB."""
    for name, forms, codes in DETAILS:
        if form.startswith(forms) and codes.intersection(details):
            return f"{form}.{name}"
    return form
