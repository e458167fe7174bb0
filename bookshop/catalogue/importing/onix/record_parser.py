"""Parses the records of a message, each on its own, and explains why one is not well-formed."""

from __future__ import annotations

import re
from html import escape
from html.entities import html5
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

from bookshop.catalogue.importing.onix.encodings import EncodedMessage
from bookshop.catalogue.importing.onix.splitter import MAX_RECORD_BYTES, RawRecord

# Limits that no book needs; beyond them a small file takes much memory and time.
MAX_TAGS = 100_000
PARSER_OPTIONS: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
}
_NOT_PREDEFINED = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)[A-Za-z]")
# Sections are matched so that their content is not replaced; one without an end is skipped once.
_ENTITY = re.compile(
    rb"<!(?:\[CDATA\[.*?(?:\]\]>|\Z)|--.*?(?:-->|\Z))|&([A-Za-z][A-Za-z0-9]{1,31});", re.DOTALL
)
_CHARACTER = re.compile(r"(?:Char|xmlChar) value ([0-9]+)")
_POSITION = re.compile(r",? line [0-9]+, column [0-9]+$")
_ERRORS = etree.ErrorTypes
_AMPERSAND = "a “&” that is not part of an entity; it is written &amp;"
_REASONS: dict[int, str] = {
    _ERRORS.ERR_NAME_REQUIRED: _AMPERSAND,
    _ERRORS.ERR_ENTITYREF_SEMICOL_MISSING: _AMPERSAND,
    _ERRORS.ERR_TAG_NAME_MISMATCH: "a tag that is not closed, or closed in the wrong order",
    _ERRORS.ERR_CDATA_NOT_FINISHED: "a CDATA section that does not end",
    _ERRORS.ERR_COMMENT_NOT_FINISHED: "a comment that does not end",
}


class MalformedRecord(Exception):
    """Raised for a record that cannot be parsed. `code` is stable, `reason` is a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class RecordParser:
    """Parses records with the namespaces of their message."""

    def __init__(self, message: EncodedMessage, namespaces: dict[str | None, str]) -> None:
        self._message = message
        declarations = "".join(
            f' xmlns{":" + prefix if prefix else ""}="{escape(uri)}"'
            for prefix, uri in namespaces.items()
        )
        # On one line, so that the lines of the record are those of the parser.
        self._begin, self._end = f"<message{declarations}>".encode(), b"</message>"
        self._parser = etree.XMLParser(**PARSER_OPTIONS)

    def parse(self, record: RawRecord) -> Element:
        """Return the Product. Raises MalformedRecord."""
        content = record.content
        if len(content) > MAX_RECORD_BYTES:
            limit = MAX_RECORD_BYTES // 1024**2
            raise MalformedRecord("record_too_large", f"The record has more than {limit} MB.")
        if len(content) > MAX_TAGS and max(map(content.count, (b"<", b"="))) > MAX_TAGS:
            reason = f"The record has more than {MAX_TAGS:,} tags or attributes."
            raise MalformedRecord("record_too_large", reason)
        if record.nested:
            reason = "A CDATA section contains the start of another record: it is not closed."
            raise MalformedRecord("invalid_xml", reason)
        try:
            content = expand_html_entities(self._message.to_utf8(content))
            root: Element = etree.fromstring(self._begin + content + self._end, self._parser)
        except UnicodeDecodeError as error:
            raise _wrong_encoding(error, record.line) from error
        except etree.XMLSyntaxError as error:
            line = record.line + (error.lineno or 1) - 1
            raise MalformedRecord(
                "invalid_xml",
                f"The record is not well-formed: line {line:,} has {why_malformed(error)}.",
            ) from error
        return root[0]

    def recover(self, record: RawRecord) -> tuple[bytes, Element | None]:
        """Return a malformed record in UTF-8, and what can be read of it to identify it."""
        content = record.content
        try:
            content = self._message.to_utf8(content)
        except UnicodeDecodeError:
            content = content.decode("utf-8", "replace").encode()
        if len(content) > MAX_RECORD_BYTES or content.count(b"<") > MAX_TAGS:
            return content, None
        parser = etree.XMLParser(recover=True, **PARSER_OPTIONS)
        root = etree.fromstring(self._begin + content + self._end, parser)
        return content, root[0] if root is not None and len(root) else None


def expand_html_entities(content: bytes) -> bytes:
    """Replace the named characters of HTML, such as &eacute;, which the ONIX DTDs declare too.

    An unknown name remains, and makes the record malformed: entities have no other source.
    """
    return _ENTITY.sub(_replacement, content) if _NOT_PREDEFINED.search(content) else content


def _replacement(match: re.Match[bytes]) -> bytes:
    name = match[1]
    characters = html5.get(f"{name.decode()};") if name else None
    return match[0] if characters is None else escape(characters).encode()


def _wrong_encoding(error: UnicodeDecodeError, line: int) -> MalformedRecord:
    line += error.object.count(b"\n", 0, error.start)
    return MalformedRecord(
        "invalid_encoding",
        f"The record is not in the encoding of the file: line {line:,} has the byte"
        f" {error.object[error.start]:02X}.",
    )


def why_malformed(error: etree.XMLSyntaxError) -> str:
    """Return what the parser found, as the object of "the line has"."""
    message = _POSITION.sub("", error.msg or "")
    if character := _CHARACTER.search(message):
        return f"the character U+{int(character[1]):04X}, which XML does not allow"
    if error.code == _ERRORS.ERR_UNDECLARED_ENTITY:
        name = message.partition("'")[2].partition("'")[0]
        return f"the unknown entity &{name};"
    return _REASONS.get(error.code or 0, f"an error ({message})")
