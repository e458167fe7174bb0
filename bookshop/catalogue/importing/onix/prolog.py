"""The start of a message, up to its first record: root element, document type and header."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.importing.onix.encodings import EncodedMessage
from bookshop.catalogue.importing.onix.header import read_header
from bookshop.catalogue.importing.onix.message import check_doctype, check_root
from bookshop.catalogue.importing.onix.record_parser import (
    MAX_TAGS,
    PARSER_OPTIONS,
    expand_html_entities,
    why_malformed,
)
from bookshop.catalogue.importing.onix.tags import reference_name
from bookshop.catalogue.importing.records import FeedError

_XML_DECLARATION = re.compile(rb"\A<\?xml\s.*?\?>", re.DOTALL)


@dataclass
class Prolog:
    """What the start of a message says.

    `single` is true for a Product without a message, `complete` for a message without records.
    """

    single: bool = True
    complete: bool = False
    namespaces: dict[str | None, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)


def read_prolog(message: EncodedMessage, content: bytes) -> Prolog:
    """Return what precedes the first record. Raises FeedError."""
    check_doctype(content)
    if content.count(b"<") > MAX_TAGS:
        raise FeedError("record_too_large", "The file has many tags and no record.")
    try:
        content = expand_html_entities(message.to_utf8(content))
    except UnicodeDecodeError as error:
        text = f"The file is not in the encoding that it declares ({error.reason})."
        raise FeedError("invalid_xml", text) from error
    # The content is in UTF-8 now, whatever the declaration says.
    content = _XML_DECLARATION.sub(lambda match: b"\n" * match[0].count(b"\n"), content)
    parser = etree.XMLPullParser(("start", "end"), **PARSER_OPTIONS)
    try:
        parser.feed(content)
        return _prolog([(event, element) for event, element in parser.read_events()])
    except etree.XMLSyntaxError as error:
        line = message.line + (error.lineno or 1) - 1
        text = f"The file is not well-formed XML: line {line:,} has {why_malformed(error)}."
        raise FeedError("invalid_xml", text) from error


def _prolog(events: list[tuple[str, Element]]) -> Prolog:
    prolog = Prolog()
    root: Element | None = None
    has_header = False
    for event, element in events:
        if root is None:
            root = element
            check_root(root)
            prolog.single, prolog.namespaces = False, dict(root.nsmap)
        elif element is root:
            prolog.complete = True
        elif (
            event == "end"
            and element.getparent() is root
            and reference_name(element.tag) == "Header"
        ):
            prolog.defaults = read_header(element, repeated=has_header)
            has_header = True
    return prolog
