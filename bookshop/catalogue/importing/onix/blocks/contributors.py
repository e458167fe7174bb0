"""Contributors in DescriptiveDetail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bookshop.catalogue.edition import Contributor
from bookshop.catalogue.importing.names import natural_order
from bookshop.catalogue.importing.onix.blocks.extents import parse_number
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text, texts

OTHER_ROLE = "Z99"  # List 17
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
_ROLE = re.compile(r"[A-Z]\d\d")
_UNNUMBERED = 1_000_000  # sorts contributors without a sequence number last


def contributors(block: Composite) -> Iterator[Contributor]:
    """Yield the named contributors in sequence, once for each role."""
    people = composites(block, "Contributor")
    people.sort(
        key=lambda person: parse_number(first_text(person, "SequenceNumber")) or _UNNUMBERED
    )
    for person in people:
        name, inverted = _names(person)
        if name:
            roles = [role for role in texts(person, "ContributorRole") if _ROLE.fullmatch(role)]
            for role in roles or [OTHER_ROLE]:
                yield Contributor(name, role, inverted or None)


def _names(person: Composite) -> tuple[str, str]:
    """Return the name in natural order, and inverted for sorting; both may be empty."""
    name = first_text(person, "PersonName")
    inverted = first_text(person, "PersonNameInverted")
    prefix, key_names = first_text(person, "PrefixToKey"), first_text(person, "KeyNames")
    key = " ".join(filter(None, (prefix, key_names)))
    if key:
        before, after = first_text(person, "NamesBeforeKey"), first_text(person, "NamesAfterKey")
        suffix = first_text(person, "SuffixToKey")
        name = name or " ".join(filter(None, (before, key, after, suffix)))
        inverted = inverted or ", ".join(filter(None, (key, before, after, suffix)))
    if not name and not inverted:
        name = first_text(person, "CorporateName")
        inverted = first_text(person, "CorporateNameInverted")
    if name or inverted:
        return name or natural_order(inverted), inverted
    return UNNAMED.get(first_text(person, "UnnamedPersons"), ""), ""
