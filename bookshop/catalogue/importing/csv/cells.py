"""Cells of a CSV file: what spreadsheet programs and tills wrap around a value.

Spreadsheets evaluate what begins with = + - or @ as a formula: such text is written with an
apostrophe before it. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import re

# Some programs ignore whitespace and invisible marks before a formula, and accept wide signs.
_FORMULA = re.compile(
    "['\\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20\u2212]"
)
_TEXT_FORMULA = re.compile(r'="[^"]*"')
_QUOTED_FORMULA = re.compile(r'="(.*)"', re.DOTALL)  # ="0306406152" keeps the zero in Excel
# Control characters, among them the end mark of DOS, and marks that change the direction of text.
_CONTROLS = re.compile("[\0-\b\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\u202a-\u202e\u2066-\u2069]")
_LINE_ENDS = re.compile("[\v\f\x85]")
# Whitespace, and marks that are not seen and have no meaning at the ends of a text.
_EDGES = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u00ad\u200b\u200e\u200f\u2060"
_APOSTROPHES = " '`\u00b4\u2018\u2019"


def clean(value: str) -> str:
    """Return the text of a cell, without control characters and what is wrapped around it."""
    if not (value.isascii() and value.isprintable()):
        value = _LINE_ENDS.sub("\n", _CONTROLS.sub("", value)).strip(_EDGES)
    text = value.strip()
    if not text.startswith(("=", "'")):
        return text
    quoted = _QUOTED_FORMULA.fullmatch(text)
    if quoted is not None:
        return quoted[1].replace('""', '"').strip()
    return unescape_formula(text)


def clean_code(value: str) -> str:
    """Return a cell that holds no prose but a number or code: without a leading apostrophe too."""
    return clean(value).lstrip(_APOSTROPHES)


def escape_formula(text: str) -> str:
    """Return a text that no spreadsheet evaluates."""
    return f"'{text}" if _FORMULA.match(text) else text


def escape_sent_formula(cell: str) -> str:
    """Return a cell as it was sent, or so that it has the same value and is not evaluated."""
    is_text = cell.startswith("'") or _TEXT_FORMULA.fullmatch(cell)
    return cell if is_text else escape_formula(cell)


def unescape_formula(value: str) -> str:
    """Reverse `escape_formula`, and strip whitespace."""
    text = value.strip()
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
