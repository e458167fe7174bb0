"""ONIX messages as tests need them: valid, unless a test says otherwise, in either tag set."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape, quoteattr

from bookshop.catalogue.importing.onix.tags import SHORT

REFERENCE_SPACE = "http://ns.editeur.org/onix/3.0/reference"
SHORT_SPACE = "http://ns.editeur.org/onix/3.0/short"
ISBN = "9783161484100"
ISBNS = ("9783161484100", "9780306406157", "9791032305690", "9780000000002")
HEADER = {"Sender": {"SenderName": "Moss & Sons"}, "SentDateTime": "20260601"}
# Elements that tests write and nothing reads.
_UNREAD = {"SentDateTime": "x307", "NoPrefix": "x501", "Audience": "audience"}


class Raw(str):
    """Markup that is written as it is."""

    __slots__ = ()


class With(dict):
    """What an element holds (under None its text), and its attributes."""

    def __init__(self, content, **attributes):
        super().__init__({None: content})
        self.attributes = attributes


def record(reference="moss.1", notification="03", isbn=ISBN, **blocks):
    """A record: a dictionary of elements by reference names; None leaves a block out."""
    filled = {
        "RecordReference": reference,
        "NotificationType": notification,
        "ProductIdentifier": {"ProductIDType": "15", "IDValue": isbn} if isbn else None,
        "DescriptiveDetail": descriptive(),
        "PublishingDetail": {"Publisher": {"PublishingRole": "01", "PublisherName": "Moss"}},
        "ProductSupply": supply(price()),
    } | blocks
    return {name: held for name, held in filled.items() if held is not None}


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
    """Block 6, of one supplier."""
    detail = {"ProductAvailability": availability, "Price": list(prices)} | more
    return {"SupplyDetail": detail}


def price(amount="12.99", currency="GBP", kind="02", **more):
    """A price."""
    return {"PriceType": kind, "PriceAmount": amount, "CurrencyCode": currency} | more


def message(*records, short=False, space=None, header=HEADER, release="3.0", encoding="UTF-8"):
    """A message, as the bytes of a file; `header` None leaves it out."""
    name = "ONIXmessage" if short else "ONIXMessage"
    names = f" xmlns={quoteattr(space)}" if space else ""
    told = f" release={quoteattr(release)}" if release else ""
    lines = [f'<?xml version="1.0" encoding="{encoding}"?>', f"<{name}{names}{told}>"]
    if header is not None:
        lines.append(_element("Header", header, short=short))
    lines += [_element("Product", held, short=short) for held in records]
    return ("\n".join(lines) + f"\n</{name}>\n").encode(encoding)


def fragment(held, *, short=False):
    """A lone record, as the bytes of a file."""
    return _element("Product", held, short=short).encode()


def stream(content):
    """A file."""
    return io.BytesIO(content)


def _element(name, held, *, short):
    tag = {**SHORT, **_UNREAD}.get(name, name.lower()) if short else name
    if isinstance(held, list):
        return "\n".join(_element(name, each, short=short) for each in held)
    told = ""
    if isinstance(held, With):
        told = "".join(f" {key}={quoteattr(value)}" for key, value in held.attributes.items())
        held = held[None]
    if isinstance(held, dict):
        inner = "\n".join(_element(part, each, short=short) for part, each in held.items())
        return f"<{tag}{told}>\n{inner}\n</{tag}>"
    return f"<{tag}{told}>{held if isinstance(held, Raw) else escape(held)}</{tag}>"
