"""Reads ONIX messages record by record, in constant memory. Each record is parsed once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.edition import digest
from bookshop.catalogue.importing.files import decompress
from bookshop.catalogue.importing.onix.encodings import detect_encoding
from bookshop.catalogue.importing.onix.header import apply_defaults
from bookshop.catalogue.importing.onix.identity import printed_isbn_of
from bookshop.catalogue.importing.onix.message import check_first_record, check_root
from bookshop.catalogue.importing.onix.prolog import read_prolog
from bookshop.catalogue.importing.onix.record_parser import MalformedRecord, RecordParser
from bookshop.catalogue.importing.onix.records import OnixDelete, OnixReplace, OnixUpdate
from bookshop.catalogue.importing.onix.splitter import MessageSplitter, RawRecord
from bookshop.catalogue.importing.onix.tags import composite, reference_name, text
from bookshop.catalogue.importing.records import FeedRecord, InvalidRecord

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
# Increment it when records are read by other rules: those that have not changed are read again.
RULES_VERSION = b"2"
DEFAULT_LOCALE = "en_GB"
_LANGUAGE_ATTRIBUTE = b" language="
_NAMESPACE = re.compile(rb'\sxmlns(?::[\w.-]+)?="[^"]*"')


def read(stream: BinaryIO, locale: str = DEFAULT_LOCALE) -> Iterator[FeedRecord]:
    """Yield the records of a message in order. The stream may be compressed, and need not seek.

    Accepts reference and short tags, any namespace or none, and encodings in which ASCII characters
    are single bytes, UTF-16 and UTF-32. The header is optional; a single Product without a message
    is accepted. DTDs, entities and the network are never loaded. `locale` is the shop's, such as
    en_GB: of texts in several languages, the one in its language is chosen.

    Raises FeedError, possibly after some records. Invalid records, also those that are not
    well-formed, are yielded as InvalidRecord.
    """
    message = detect_encoding(decompress(stream))
    splitter = MessageSplitter(message.stream, message.line)
    prolog = read_prolog(message, splitter.prolog())
    parser = RecordParser(message, prolog.namespaces)
    if prolog.complete:
        splitter.check_end()
        return
    language = locale.partition("_")[0]
    first = True
    for raw in splitter.records(single=prolog.single):
        product = _parse(parser, splitter, raw)
        if isinstance(product, InvalidRecord):
            yield product
            continue
        if first:
            check_root(product)  # the record may have no message
            check_first_record(product)
            first = False
        yield _record(product, raw.line, prolog.defaults, language)


def message_frame(raw: bytes) -> tuple[bytes, bytes]:
    """Return the start and the end of a message that contains records like this one."""
    name = b"ONIXmessage" if raw.startswith(b"<product") else b"ONIXMessage"
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<' + name + b' release="3.0">\n',
        b"</" + name + b">\n",
    )


def _parse(
    parser: RecordParser, splitter: MessageSplitter, raw: RawRecord
) -> Element | InvalidRecord:
    """Return a Product; an InvalidRecord, as the sender wrote it, if it is not well-formed."""
    try:
        return parser.parse(raw)
    except MalformedRecord:
        exact = splitter.exact_record()
    try:
        return parser.parse(exact)
    except MalformedRecord as error:
        content, product = parser.recover(exact)
        reference, isbn = "", None
        if product is not None:
            reference, _notification = _reference_and_notification(product)
            isbn = printed_isbn_of(composite(product))
        return InvalidRecord(
            *(reference or None, exact.line, digest(content), content),
            *(isbn, error.code, error.reason),
        )


def _record(product: Element, line: int, defaults: dict[str, str], language: str) -> FeedRecord:
    """Return a record of the kind that its notification type says."""
    if defaults:
        apply_defaults(product, defaults)
    raw: bytes = etree.tostring(product, encoding="utf-8", with_tail=False)
    etree.strip_tags(product, etree.Comment, etree.ProcessingInstruction)
    reference, notification = _reference_and_notification(product)
    record_digest = _digest(raw, language)
    if reference and notification in REPLACE_TYPES:
        return OnixReplace(reference, line, record_digest, raw, product, language)
    if reference and notification == UPDATE_TYPE:
        return OnixUpdate(reference, line, record_digest, raw, product, language)
    if reference and notification == DELETE_TYPE:
        return OnixDelete(reference, line, record_digest, raw, product)
    isbn = printed_isbn_of(composite(product))
    code, reason = _why_invalid(reference, notification)
    return InvalidRecord(reference or None, line, record_digest, raw, isbn, code, reason)


def _reference_and_notification(product: Element) -> tuple[str, str]:
    """Return RecordReference and NotificationType, which come first; "" for what is missing."""
    reference = notification = ""
    for child in product:
        name = reference_name(child.tag)
        if name == "RecordReference":
            reference = text(child)
        elif name == "NotificationType":
            notification = text(child)
            break
    return reference, notification


def _digest(raw: bytes, language: str) -> str:
    """Return the digest of a record without namespace declarations, which vary with the message.

    It depends on the shop's language if the record has texts in several.
    """
    tag, bracket, rest = raw.partition(b">")
    chosen = language.encode() if _LANGUAGE_ATTRIBUTE in rest else b""
    return digest(_NAMESPACE.sub(b"", tag) + bracket + rest + chosen + RULES_VERSION)


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
