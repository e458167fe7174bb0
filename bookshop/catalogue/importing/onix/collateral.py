"""Block 2 of a record, CollateralDetail: what is said of a product, and its cover."""

from __future__ import annotations

from html import escape
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.importing.html import clean, description
from bookshop.catalogue.importing.onix.tags import Parts, every, first, within

# List 153: the description, a short one, what the cover says, an abstract, whatever.
TEXTS = ("03", "02", "05", "30", "01")
# List 154: everybody, and customers.
READERS = frozenset({"00", "03"})
FRONT_COVER = "01"  # List 158
FILE = "02"  # List 161: to be fetched, not to be linked to.
PICTURE_WIDTH = "03"  # List 162, in pixels
LONGEST_ADDRESS = 2000


def collateral(block: Parts) -> dict[str, Any]:
    """The edition's fields that this block tells."""
    return {"description": _description(block), "cover": _cover(block)}


def _description(block: Parts) -> str:
    best: dict[str, str] = {}
    for content in within(block, "TextContent"):
        kind = first(content, "TextType")
        if kind in TEXTS and kind not in best and _for_readers(content):
            for element in content.get("Text", ()):
                if written := _html(element):
                    best[kind] = written
                    break
    return next((best[kind] for kind in TEXTS if kind in best), "")


def _html(element: Element) -> str:
    """A text as HTML, whatever its textformat says: many say one thing and send another."""
    if len(element) == 0:
        return description(element.text or "")
    inner = [escape(element.text or "")]
    for child in element:
        for part in child.iter(etree.Element):
            part.tag = etree.QName(part).localname  # XHTML may come with a prefix.
        inner.append(etree.tostring(child, encoding="unicode", method="html"))
    return clean("".join(inner))


def _cover(block: Parts) -> str | None:
    """The widest front cover that can be fetched, else one that can be linked to."""
    found: list[tuple[bool, int, str]] = []
    for resource in within(block, "SupportingResource"):
        if first(resource, "ResourceContentType") == FRONT_COVER and _for_readers(resource):
            for version in within(resource, "ResourceVersion"):
                link = _link(version)
                if 0 < len(link) <= LONGEST_ADDRESS:
                    found.append((first(version, "ResourceForm") == FILE, _width(version), link))
    return max(found, key=lambda version: version[:2])[2] if found else None


def _link(version: Parts) -> str:
    # Some break long addresses into lines.
    whole = "".join(version["ResourceLink"][0].itertext()) if "ResourceLink" in version else ""
    return "".join(line.strip() for line in whole.splitlines())


def _width(version: Parts) -> int:
    for feature in within(version, "ResourceVersionFeature"):
        value = first(feature, "FeatureValue")
        if first(feature, "ResourceVersionFeatureType") == PICTURE_WIDTH and value.isdecimal():
            return int(value[:9])
    return 0


def _for_readers(content: Parts) -> bool:
    audiences = every(content, "ContentAudience")
    return not audiences or not READERS.isdisjoint(audiences)
