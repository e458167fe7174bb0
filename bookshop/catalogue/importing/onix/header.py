"""The header of a message, and the defaults that it sets for all records."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.importing.onix.message import check_sender
from bookshop.catalogue.importing.onix.tags import (
    SHORT,
    composite,
    composites,
    first_text,
    local_name,
    reference_name,
)
from bookshop.catalogue.importing.records import FeedError

LANGUAGE, PRICE_TYPE = "DefaultLanguageOfText", "DefaultPriceType"
CURRENCY = "DefaultCurrencyCode"


def read_header(header: Element, *, repeated: bool) -> dict[str, str]:
    """Return the defaults by element name. Raises FeedError for an invalid header."""
    fields = composite(header)
    check_sender(header)
    if repeated:
        raise FeedError("invalid_header", "The message has two Headers: it must have one.")
    senders = composites(fields, "Sender")
    if len(senders) != 1:
        count = "two Senders" if senders else "no Sender"
        raise FeedError("invalid_header", f"The Header has {count}: it must have one.")
    if not first_text(senders[0], "SenderName") and "SenderIdentifier" not in senders[0]:
        raise FeedError(
            "invalid_header", "The Header's Sender has no SenderName and no SenderIdentifier."
        )
    values = {name: first_text(fields, name) for name in (LANGUAGE, PRICE_TYPE, CURRENCY)}
    return {name: value for name, value in values.items() if value}


def apply_defaults(product: Element, defaults: dict[str, str]) -> None:
    """Add the defaults to a record where it has no value of its own.

    The record then has the same meaning without its header, as in a file of refused records.
    """
    for price in _elements(product, "Price"):
        present = {reference_name(child.tag) for child in price}
        if PRICE_TYPE in defaults and "PriceType" not in present:
            _add(price, "PriceType").text = defaults[PRICE_TYPE]
        if CURRENCY in defaults and "CurrencyCode" not in present:
            _add(price, "CurrencyCode").text = defaults[CURRENCY]
    if LANGUAGE in defaults:
        for block in _elements(product, "DescriptiveDetail"):
            languages = composites(composite(block), "Language")
            roles = {first_text(language, "LanguageRole") for language in languages}
            if roles.isdisjoint({"", "01"}):
                language = _add(block, "Language")
                _add(language, "LanguageRole").text = "01"
                _add(language, "LanguageCode").text = defaults[LANGUAGE]


def _elements(product: Element, name: str) -> list[Element]:
    return list(product.iter(f"{{*}}{name}", f"{{*}}{SHORT[name]}"))


def _add(parent: Element, name: str) -> Element:
    """Add a child in the parent's tag set and namespace."""
    namespace, brace, _ = str(parent.tag).rpartition("}")
    short = not any(letter.isupper() for letter in local_name(parent))
    return etree.SubElement(parent, namespace + brace + (SHORT[name] if short else name))
