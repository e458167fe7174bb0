"""ONIX messages for tests: valid by default, in either tag set."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape, quoteattr

from bookshop.catalogue.importing.onix.tags import SHORT

REFERENCE_SPACE = "http://ns.editeur.org/onix/3.0/reference"
SHORT_SPACE = "http://ns.editeur.org/onix/3.0/short"
ISBN = "9783161484100"
ISBNS = ("9783161484100", "9780306406157", "9791032305690", "9780000000002")
HEADER = {"Sender": {"SenderName": "Moss & Sons"}, "SentDateTime": "20260601"}
# Elements that are written by tests and not read.
_UNREAD = {"SentDateTime": "x307", "NoPrefix": "x501", "Audience": "audience"}


class Raw(str):
    """Markup that is not escaped."""

    __slots__ = ()


class With(dict):
    """An element's content (text under the key None) and attributes."""

    def __init__(self, content, **attributes):
        super().__init__({None: content})
        self.attributes = attributes


def record(reference="moss.1", notification="03", isbn=ISBN, **blocks):
    """A record as a dictionary of elements by reference name; None omits a block."""
    filled = {
        "RecordReference": reference,
        "NotificationType": notification,
        "ProductIdentifier": {"ProductIDType": "15", "IDValue": isbn} if isbn else None,
        "DescriptiveDetail": descriptive(),
        "PublishingDetail": {"Publisher": {"PublishingRole": "01", "PublisherName": "Moss"}},
        "ProductSupply": supply(price()),
    } | blocks
    return {name: content for name, content in filled.items() if content is not None}


def descriptive(title="Moss", **more):
    """Block 1."""
    return {
        "ProductComposition": "00",
        "ProductForm": "BC",
        "TitleDetail": titled(TitleText=title),
    } | more


def titled(kind="01", level="01", **element):
    """A TitleDetail of one element."""
    return {"TitleType": kind, "TitleElement": {"TitleElementLevel": level} | element}


def supply(*prices, availability="20", **more):
    """Block 6 with one supplier."""
    detail = {"ProductAvailability": availability, "Price": list(prices)} | more
    return {"SupplyDetail": detail}


def price(amount="12.99", currency="GBP", kind="02", **more):
    """A price."""
    return {"PriceType": kind, "PriceAmount": amount, "CurrencyCode": currency} | more


def message(*records, short=False, space=None, header=HEADER, release="3.0", encoding="UTF-8"):
    """The bytes of a message; None for `header` omits it."""
    name = "ONIXmessage" if short else "ONIXMessage"
    names = f" xmlns={quoteattr(space)}" if space else ""
    release_text = f" release={quoteattr(release)}" if release else ""
    lines = [f'<?xml version="1.0" encoding="{encoding}"?>', f"<{name}{names}{release_text}>"]
    if header is not None:
        lines.append(_element("Header", header, short=short))
    lines += [_element("Product", each, short=short) for each in records]
    return ("\n".join(lines) + f"\n</{name}>\n").encode(encoding)


def fragment(content, *, short=False):
    """The bytes of a single record."""
    return _element("Product", content, short=short).encode()


def stream(content):
    """A file."""
    return io.BytesIO(content)


def _element(name, content, *, short):
    tag = {**SHORT, **_UNREAD}.get(name, name.lower()) if short else name
    if isinstance(content, list):
        return "\n".join(_element(name, each, short=short) for each in content)
    attributes = ""
    if isinstance(content, With):
        attributes = "".join(
            f" {key}={quoteattr(value)}" for key, value in content.attributes.items()
        )
        content = content[None]
    if isinstance(content, dict):
        inner = "\n".join(_element(part, each, short=short) for part, each in content.items())
        return f"<{tag}{attributes}>\n{inner}\n</{tag}>"
    return f"<{tag}{attributes}>{content if isinstance(content, Raw) else escape(content)}</{tag}>"
