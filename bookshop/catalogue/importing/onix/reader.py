"""Reads messages of ONIX for Books 3.0 and 3.1, record by record, in memory that does not grow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5
from typing import Any, BinaryIO

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.edition import digest
from bookshop.catalogue.importing.files import opened
from bookshop.catalogue.importing.onix.identity import printed_isbn_of
from bookshop.catalogue.importing.onix.records import RecordDeletes, RecordReplaces, RecordUpdates
from bookshop.catalogue.importing.onix.tags import SHORT, first, parts, reference_name, text, within
from bookshop.catalogue.importing.records import FeedError, Notice, Refused

# The most that a record may take: bytes between the end of one and the end of the next.
LARGEST = 32 * 1024 * 1024
MESSAGES = frozenset({"ONIXMessage", "ONIXmessage"})
# List 1
REPLACE = frozenset({"01", "02", "03"})
UPDATE = "04"
DELETE = "05"
OTHERS = {
    "08": "a notice of sale",
    "09": "a notice of acquisition",
    "12": "an update of its supply alone, which ONIX 3 has no more",
    "13": "an update of its market alone, which ONIX 3 has no more",
    "14": "an update of its supply and market alone, which ONIX 3 has no more",
    "88": "a test",
    "89": "a test",
}
# What stands in a record of ONIX 2.1, where ONIX 3 has blocks; and who sent such a message.
OLD_FIELDS = frozenset(
    {"ProductForm", "Title", "DistinctiveTitle", "Contributor", "SupplyDetail", "OtherText", "ISBN"}
    | {"b012", "title", "b028", "contributor", "supplydetail", "othertext", "b004"}
)
OLD_SENDERS = frozenset({"FromCompany", "FromPerson", "FromEANNumber", "FromSAN"}) | {
    "m174",
    "m175",
    "m172",
    "m173",
}
OLD = (
    "This is a message of ONIX 2.1, which its makers gave up in 2014: ask the supplier for ONIX 3.0"
    " or 3.1."
)
_OLD_NAME = re.compile(r"onix/?(?:for-books)?/?2\.|/2\.1/", re.IGNORECASE)
_NAMESPACE = re.compile(rb'\sxmlns(?::[\w.-]+)?="[^"]*"')
_EVENTS = [f"{{*}}{name}" for name in ("Header", "header", "Product", "product", *sorted(MESSAGES))]


def read(stream: BinaryIO) -> Iterator[Notice]:
    """The records of a message, in its order; it may be compressed, and a pipe.

    Reference and short tags are read, with any namespace or none, in any encoding that the message
    declares. A message without header is read, and a lone Product; a header that is there must
    name its one sender. Nothing is loaded from elsewhere.

    Raises FeedError, be it in the middle, for what is no such message, or broken; records that
    cannot be told are yielded as Refused.
    """
    meter = _Meter(opened(stream))
    context = etree.iterparse(
        meter,
        events=("start", "end"),
        tag=_EVENTS,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
    )
    try:
        yield from _Message(meter).notices(context)
    except etree.XMLSyntaxError as error:
        raise FeedError(_broken(error)) from error
    if context.root is not None:
        _check_root(context.root)


def frame(raw: bytes) -> tuple[bytes, bytes]:
    """What comes before and after records such as this one, to make them a message again."""
    name = b"ONIXmessage" if raw.startswith(b"<product") else b"ONIXMessage"
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<' + name + b' release="3.0">\n',
        b"</" + name + b">\n",
    )


class _Meter:
    """A stream of which no more is read than a record may take."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.unused = 0

    def read(self, size: int = -1, /) -> bytes:
        found = self._stream.read(size)
        self.unused += len(found)
        if self.unused > LARGEST:
            limit = LARGEST // 1024**2
            raise FeedError(f"The file has more than {limit} MB without a record: it is no list.")
        return found


class _Message:
    """A message while it is read."""

    def __init__(self, meter: _Meter) -> None:
        self._meter = meter
        self._root: Element | None = None
        self._header = False
        self._defaults: dict[str, str] = {}
        self._entities = False
        self._records = 0

    def notices(self, context: etree.iterparse[tuple[str, Element]]) -> Iterator[Notice]:
        for event, element in context:
            if self._root is None:
                self._begin(element)
            if event == "start" or element.getparent() not in {None, self._root}:
                continue
            name = reference_name(element.tag)
            if name == "Header":
                self._read_header(element)
            elif name == "Product":
                yield self._notice(element)
                self._records += 1
                self._meter.unused = 0
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]

    def _begin(self, element: Element) -> None:
        tree = element.getroottree()
        self._root = tree.getroot()
        _check_root(self._root)
        declared = tree.docinfo.internalDTD
        if declared is not None:
            if _OLD_NAME.search(tree.docinfo.doctype):
                raise FeedError(OLD)
            if next(declared.iterentities(), None) is not None:
                raise FeedError(
                    "The file declares entities, which ONIX has no use for and attackers have: ask"
                    " for it without."
                )
            self._entities = True

    def _read_header(self, header: Element) -> None:
        found = parts(header)
        if any(_local(child) in OLD_SENDERS for child in header):
            raise FeedError(OLD)
        if self._header:
            raise FeedError("The message has two Headers: it must have one.")
        self._header = True
        senders = within(found, "Sender")
        if len(senders) != 1:
            how = "two Senders" if senders else "no Sender"
            raise FeedError(f"The message's Header has {how}: it must have one.")
        if not first(senders[0], "SenderName") and "SenderIdentifier" not in senders[0]:
            raise FeedError(
                "The Sender in the message's Header has no SenderName and no SenderIdentifier."
            )
        for name in ("DefaultLanguageOfText", "DefaultPriceType", "DefaultCurrencyCode"):
            if value := first(found, name):
                self._defaults[name] = value

    def _notice(self, product: Element) -> Notice:
        if not self._records and _is_old(product):
            raise FeedError(OLD)
        if self._entities:
            _spell_out(product)
        if self._defaults:
            _fill(product, self._defaults)
        line = _line(product)
        raw: bytes = etree.tostring(product, encoding="utf-8", with_tail=False)
        tag, bracket, rest = raw.partition(b">")
        source = digest(_NAMESPACE.sub(b"", tag) + bracket + rest)
        reference = notification = ""
        for child in product:
            name = reference_name(child.tag)
            if name == "RecordReference":
                reference = text(child)
            elif name == "NotificationType":
                notification = text(child)
                break
        if reference and notification in REPLACE:
            return RecordReplaces(reference, line, source, raw)
        if reference and notification == UPDATE:
            return RecordUpdates(reference, line, source, raw)
        if reference and notification == DELETE:
            return RecordDeletes(reference, line, source, raw)
        isbn = printed_isbn_of(parts(product))
        return Refused(
            reference or None, line, source, raw, isbn, _why_refused(reference, notification)
        )


def _why_refused(reference: str, notification: str) -> str:
    if not reference:
        return "The record has no RecordReference, by which it would be known again."
    if notification in OTHERS:
        return f"The record is {OTHERS[notification]} (NotificationType {notification})."
    told = f"the NotificationType {notification}" if notification else "no NotificationType"
    return f"The record has {told}: it must be 01 to 05, such as 03 for a book that is out."


def _check_root(root: Element) -> None:
    name = _local(root)
    if name not in MESSAGES and reference_name(root.tag) != "Product":
        raise FeedError(
            f"The file is no ONIX message: it begins with {name[:60]}, not with ONIXMessage."
        )
    release = root.get("release", "")
    if release.startswith("2") or _OLD_NAME.search(str(root.tag)):
        raise FeedError(OLD)
    if release and not release.startswith("3"):
        raise FeedError(f"The message is of ONIX {release[:20]}: ONIX 3.0 and 3.1 are read.")


def _is_old(product: Element) -> bool:
    return any(_local(child) in OLD_FIELDS for child in product)


def _local(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _line(product: Element) -> int:
    """The line on which a record begins.

    The parser counts elements to 65,535 only, and texts without end: from there on it gives the
    line on which the first text ends.
    """
    line = product.sourceline or 0
    if line < 65535:  # noqa: PLR2004 - explained above
        return line
    node = product
    while node.text is None and len(node):
        node = node[0]
    return line - (node.text or "").count("\n")


def _spell_out(product: Element) -> None:
    """Puts letters in the place of the entities of HTML, which DTDs of ONIX declare."""
    entities: list[Any] = list(product.iter(etree.Entity))
    for entity in entities:
        letters = html5.get(f"{entity.name};", "") + (entity.tail or "")
        before, parent = entity.getprevious(), entity.getparent()
        if before is not None:
            before.tail = (before.tail or "") + letters
        elif parent is not None:
            parent.text = (parent.text or "") + letters
        entity.tail = None
        if parent is not None:
            parent.remove(entity)


def _fill(product: Element, defaults: dict[str, str]) -> None:
    """Writes into a record what its message's header says for all of them."""
    for price in _named(product, "Price"):
        held = {reference_name(child.tag) for child in price}
        if "DefaultPriceType" in defaults and "PriceType" not in held:
            _add(price, "PriceType").text = defaults["DefaultPriceType"]
        if "DefaultCurrencyCode" in defaults and "CurrencyCode" not in held:
            _add(price, "CurrencyCode").text = defaults["DefaultCurrencyCode"]
    if "DefaultLanguageOfText" in defaults:
        for block in _named(product, "DescriptiveDetail"):
            roles = {first(found, "LanguageRole") for found in within(parts(block), "Language")}
            if roles.isdisjoint({"", "01"}):
                language = _add(block, "Language")
                _add(language, "LanguageRole").text = "01"
                _add(language, "LanguageCode").text = defaults["DefaultLanguageOfText"]


def _named(product: Element, name: str) -> list[Element]:
    return list(product.iter(f"{{*}}{name}", f"{{*}}{SHORT[name]}"))


def _add(element: Element, name: str) -> Element:
    """Adds a part, in the tag set and the namespace of what it is added to."""
    space, brace, _ = str(element.tag).rpartition("}")
    short = not any(letter.isupper() for letter in _local(element))
    return etree.SubElement(element, space + brace + (SHORT[name] if short else name))


def _broken(error: etree.XMLSyntaxError) -> str:
    line = error.lineno or 0
    where = f" in line {line:,}" if line else ""
    what = (error.msg or "it is empty").rstrip(".")
    return f"The file is no well-formed XML{where}: {what}. Ask for it again."
