"""Names of people in natural and in sorting order."""

from __future__ import annotations

import re

# What follows a comma and is part of the name, not a first name.
_SUFFIX = re.compile(
    r"(?:jr|sr|jnr|snr|junior|senior|i{1,3}|iv|vi{0,3}|ix|x|esq|ph\.?\s?d|m\.?d|m\.?a|b\.?a|d\.?d|"
    r"q\.?c|k\.?c|o\.?b\.?e|m\.?b\.?e|c\.?b\.?e|s\.?j|o\.?p|inc|ltd|llc|gmbh|s\.?a|co)\.?",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"\s(?:&|and|und|et|y|e|og|och|with)\s", re.IGNORECASE)
LONGEST_GIVEN_NAMES = 4  # words after the comma of an inverted name


def natural_order(inverted: str) -> str:
    """Return the name behind an inverted one, for example of "King, Martin Luther, Jr"."""
    key, _, rest = inverted.partition(",")
    before, comma, after = rest.partition(",")
    return " ".join(f"{before.strip()} {key.strip()}{comma}{after}".split())


def is_inverted(name: str) -> bool:
    """True for "Calloway, J. P."; not for "Martin Luther King, Jr" and lists of names."""
    key, *rest = (part.strip() for part in name.split(","))
    if not key or not rest or not all(rest) or _SEVERAL.search(name):
        return False
    given, *suffixes = rest
    return (
        not _SUFFIX.fullmatch(given)
        and len(given.split()) <= LONGEST_GIVEN_NAMES
        and all(_SUFFIX.fullmatch(suffix) for suffix in suffixes)
    )
