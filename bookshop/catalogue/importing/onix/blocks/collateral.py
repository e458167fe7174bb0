"""Block 2 of a record, CollateralDetail: description and cover."""

from __future__ import annotations

from html import escape
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.importing.html import sanitize_html, to_html
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text, texts

# List 153 in order of preference: description, short description, flap copy, abstract, other.
TEXT_TYPES = ("03", "02", "05", "30", "01")
# List 154: unrestricted, and end customers.
PUBLIC_AUDIENCES = frozenset({"00", "03"})
FRONT_COVER = "01"  # List 158
DOWNLOADABLE = "02"  # List 161
WIDTH_IN_PIXELS = "03"  # List 162
MAX_URL_LENGTH = 2000


def map_collateral(block: Composite) -> dict[str, Any]:
    """Return the edition's fields that this block sets."""
    return {"description": _description(block), "cover": _cover(block)}


def _description(block: Composite) -> str:
    by_type: dict[str, str] = {}
    for content in composites(block, "TextContent"):
        text_type = first_text(content, "TextType")
        if text_type in TEXT_TYPES and text_type not in by_type and _is_public(content):
            for element in content.get("Text", ()):
                if html := _html(element):
                    by_type[text_type] = html
                    break
    return next((by_type[text_type] for text_type in TEXT_TYPES if text_type in by_type), "")


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
    return "".join(line.strip() for line in link.splitlines())


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
