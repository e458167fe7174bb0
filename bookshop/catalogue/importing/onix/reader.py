"""Reads ONIX messages record by record, in constant memory. Each record is parsed once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.edition import digest
from bookshop.catalogue.importing.files import decompress
from bookshop.catalogue.importing.onix.elements import expand_html_entities, first_line
from bookshop.catalogue.importing.onix.header import apply_defaults, read_header
from bookshop.catalogue.importing.onix.identity import printed_isbn_of
from bookshop.catalogue.importing.onix.message import (
    MESSAGE_NAMES,
    check_doctype,
    check_first_record,
    check_root,
)
from bookshop.catalogue.importing.onix.records import OnixDelete, OnixReplace, OnixUpdate
from bookshop.catalogue.importing.onix.tags import composite, reference_name, text
from bookshop.catalogue.importing.records import FeedError, FeedRecord, InvalidRecord

# The largest record in bytes, measured from the end of the record before.
MAX_RECORD_BYTES = 32 * 1024 * 1024
# ONIX list 1, notification types.
REPLACE_TYPES = frozenset({"01", "02", "03"})
UPDATE_TYPE = "04"
DELETE_TYPE = "05"
UNSUPPORTED_TYPES = {
    "08": "a notice of sale",
    "09": "a notice of acquisition",
    "12": "a supply update, which ONIX 3 no longer has",
    "13": "a market update, which ONIX 3 no longer has",
    "14": "a supply and market update, which ONIX 3 no longer has",
    "88": "a test",
    "89": "a test",
}
_NAMESPACE = re.compile(rb'\sxmlns(?::[\w.-]+)?="[^"]*"')
_EVENT_TAGS = [
    f"{{*}}{name}" for name in ("Header", "header", "Product", "product", *sorted(MESSAGE_NAMES))
]


def read(stream: BinaryIO) -> Iterator[FeedRecord]:
    """Yield the records of a message in order. The stream may be compressed, and need not seek.

    Accepts reference and short tags, any namespace or none, and every encoding that lxml supports.
    The header is optional; a single Product without a message is accepted. DTDs, entities and the
    network are never loaded.

    Raises FeedError, possibly after some records. Invalid records are yielded as InvalidRecord.
    """
    limited = _LimitedStream(decompress(stream))
    context = etree.iterparse(
        limited,
        events=("start", "end"),
        tag=_EVENT_TAGS,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        yield from _MessageReader(limited).records(context)
    except etree.XMLSyntaxError as error:
        raise _syntax_error(error) from error
    if context.root is not None:
        check_root(context.root)


def message_frame(raw: bytes) -> tuple[bytes, bytes]:
    """Return the start and the end of a message that contains records like this one."""
    name = b"ONIXmessage" if raw.startswith(b"<product") else b"ONIXMessage"
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<' + name + b' release="3.0">\n',
        b"</" + name + b">\n",
    )


class _LimitedStream:
    """A stream that raises FeedError when a record exceeds MAX_RECORD_BYTES."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.record_bytes = 0  # bytes read since the end of the last record

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self.record_bytes += len(chunk)
        if self.record_bytes > MAX_RECORD_BYTES:
            limit = MAX_RECORD_BYTES // 1024**2
            message = f"The file has more than {limit} MB without a record: it is not a feed."
            raise FeedError("record_too_large", message)
        return chunk


class _MessageReader:
    """The state of one message while it is read."""

    def __init__(self, stream: _LimitedStream) -> None:
        self._stream = stream
        self._root: Element | None = None
        self._has_header = False
        self._defaults: dict[str, str] = {}
        self._has_doctype = False
        self._first_record = True

    def records(self, context: etree.iterparse[tuple[str, Element]]) -> Iterator[FeedRecord]:
        for event, element in context:
            if self._root is None:
                self._begin(element)
            if event == "start" or element.getparent() not in {None, self._root}:
                continue
            name = reference_name(element.tag)
            if name == "Header":
                self._defaults = read_header(element, repeated=self._has_header)
                self._has_header = True
            elif name == "Product":
                yield self._record(element)
                self._first_record = False
                self._stream.record_bytes = 0
                # Free earlier records. The current one stays: the parser may be inside its tail.
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]

    def _begin(self, element: Element) -> None:
        tree = element.getroottree()
        self._root = tree.getroot()
        check_root(self._root)
        self._has_doctype = check_doctype(tree)

    def _record(self, product: Element) -> FeedRecord:
        if self._first_record:
            check_first_record(product)
        if self._has_doctype:
            expand_html_entities(product)
        if self._defaults:
            apply_defaults(product, self._defaults)
        line = first_line(product)
        raw: bytes = etree.tostring(product, encoding="utf-8", with_tail=False)
        etree.strip_tags(product, etree.Comment, etree.ProcessingInstruction)
        reference = notification = ""
        for child in product:
            name = reference_name(child.tag)
            if name == "RecordReference":
                reference = text(child)
            elif name == "NotificationType":
                notification = text(child)
                break
        if reference and notification in REPLACE_TYPES:
            return OnixReplace(reference, line, _digest(raw), raw, product)
        if reference and notification == UPDATE_TYPE:
            return OnixUpdate(reference, line, _digest(raw), raw, product)
        if reference and notification == DELETE_TYPE:
            return OnixDelete(reference, line, _digest(raw), raw, product)
        isbn = printed_isbn_of(composite(product))
        code, reason = _why_invalid(reference, notification)
        return InvalidRecord(reference or None, line, _digest(raw), raw, isbn, code, reason)


def _digest(raw: bytes) -> str:
    """Return the digest of a record without namespace declarations, which vary with the message."""
    tag, bracket, rest = raw.partition(b">")
    return digest(_NAMESPACE.sub(b"", tag) + bracket + rest)


def _why_invalid(reference: str, notification: str) -> tuple[str, str]:
    """Return the error code and the reason for an invalid record."""
    if not reference:
        return "missing_reference", "The record has no RecordReference, which identifies it."
    if notification in UNSUPPORTED_TYPES:
        kind = UNSUPPORTED_TYPES[notification]
        reason = f"The record is {kind} (NotificationType {notification})."
        return "unsupported_notification", reason
    actual = f"the NotificationType {notification}" if notification else "no NotificationType"
    reason = f"The record has {actual}: use 01 to 05, for example 03 for a published book."
    return "unknown_notification" if notification else "missing_notification", reason


def _syntax_error(error: etree.XMLSyntaxError) -> FeedError:
    where = f" in line {error.lineno:,}" if error.lineno else ""
    detail = (error.msg or "it is empty").rstrip(".")
    message = f"The file is not well-formed XML{where}: {detail}. Request a new copy."
    return FeedError("invalid_xml", message)
