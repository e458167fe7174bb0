"""Block 2 of a record, CollateralDetail: description and cover."""

from __future__ import annotations

from html import escape
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.importing.html import sanitize_html, to_html
from bookshop.catalogue.importing.onix.tags import (
    Composite,
    composites,
    first_text,
    language_rank,
    texts,
)
from bookshop.catalogue.importing.text import unescape_entities

# List 153 in order of preference: description, short description, flap copy, abstract, other.
TEXT_TYPES = ("03", "02", "05", "30", "01")
# List 154: unrestricted, and end customers.
PUBLIC_AUDIENCES = frozenset({"00", "03"})
FRONT_COVER = "01"  # List 158
DOWNLOADABLE = "02"  # List 161
WIDTH_IN_PIXELS = "03"  # List 162
MAX_URL_LENGTH = 2000


def map_collateral(block: Composite, language: str) -> dict[str, Any]:
    """Return the edition's fields that this block sets.

    `language` is the shop's, in which the description is chosen.
    """
    return {"description": _description(block, language), "cover": _cover(block)}


def _description(block: Composite, language: str) -> str:
    """Return the best text in the language, otherwise in none or another.

    A short text that customers can read is better than a long one that they cannot.
    """
    candidates = [
        (language_rank(element, language), TEXT_TYPES.index(text_type), element)
        for content in composites(block, "TextContent")
        if (text_type := first_text(content, "TextType")) in TEXT_TYPES and _is_public(content)
        for element in content.get("Text", ())
    ]
    candidates.sort(key=lambda candidate: candidate[:2])
    return next(filter(None, (_html(element) for _rank, _type, element in candidates)), "")


def _html(element: Element) -> str:
    """Return a text as sanitised HTML. Its textformat is ignored, as it is often wrong."""
    if len(element) == 0:
        return to_html(element.text or "")
    inner = [escape(element.text or "")]
    for child in element:
        for descendant in child.iter(etree.Element):
            descendant.tag = etree.QName(descendant).localname  # XHTML may have a prefix.
        inner.append(etree.tostring(child, encoding="unicode", method="html"))
    return sanitize_html("".join(inner))


def _cover(block: Composite) -> str | None:
    """Return the URL of the widest front cover; files are preferred to web pages."""
    covers: list[tuple[bool, int, str]] = []
    for resource in composites(block, "SupportingResource"):
        if first_text(resource, "ResourceContentType") == FRONT_COVER and _is_public(resource):
            for version in composites(resource, "ResourceVersion"):
                link = _link(version)
                if 0 < len(link) <= MAX_URL_LENGTH:
                    downloadable = first_text(version, "ResourceForm") == DOWNLOADABLE
                    covers.append((downloadable, _width(version), link))
    return max(covers, key=lambda cover: cover[:2])[2] if covers else None


def _link(version: Composite) -> str:
    # Some senders wrap long URLs.
    link = "".join(version["ResourceLink"][0].itertext()) if "ResourceLink" in version else ""
    return unescape_entities("".join(line.strip() for line in link.splitlines()))


def _width(version: Composite) -> int:
    """Return the width in pixels; 0 if it is not given."""
    for feature in composites(version, "ResourceVersionFeature"):
        value = first_text(feature, "FeatureValue")
        feature_type = first_text(feature, "ResourceVersionFeatureType")
        if feature_type == WIDTH_IN_PIXELS and value.isdecimal():
            return int(value[:9])
    return 0


def _is_public(content: Composite) -> bool:
    audiences = texts(content, "ContentAudience")
    return not audiences or not PUBLIC_AUDIENCES.isdisjoint(audiences)
