"""Encodings of messages: what the XML declaration names, and what the bytes are.

Senders often declare one encoding and write another, and a message may be composed of records in
several. So each record is decoded on its own.
"""

from __future__ import annotations

import codecs
import io
import re
from dataclasses import dataclass
from typing import BinaryIO

from bookshop.catalogue.importing.files import peek
from bookshop.catalogue.importing.onix.splitter import ByteStream
from bookshop.catalogue.importing.records import FeedError

_SAMPLE_SIZE = 4096  # bytes, in which the XML declaration ends
_DECLARATION = re.compile(rb"<\?xml\s[^>]*?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_BLANK = b" \t\r\n"
UTF_8, WINDOWS = "utf-8", "cp1252"
# ISO 8859-1 has control characters where Windows-1252 has quotation marks, dashes and the euro
# sign; a text with them is in Windows-1252. https://encoding.spec.whatwg.org/#names-and-labels
_LATIN_1 = frozenset({"iso8859-1", "ascii"})
_SINGLE_BYTE = re.compile(r"iso8859|cp\d|koi8|mac|tis-620|kz1048|ptcp154|hp-roman8")
_MULTI_BYTE = re.compile(r"big5|gb|euc|shift_jis|johab|cp9[345]\d")
_ASCII_TEXT = "<?xml&;"
_ASCII = _ASCII_TEXT.encode()
_UTF_8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_CONVINCING = 3  # characters, from which it is no coincidence that a text is valid UTF-8


@dataclass(frozen=True)
class EncodedMessage:
    """A message in which ASCII characters are single bytes.

    `codec` is that of the encoding that it declares; `line` is the line on which it begins.
    """

    stream: ByteStream
    codec: str
    line: int

    def to_utf8(self, raw: bytes) -> bytes:
        """Return a part of the message in UTF-8. Raises UnicodeDecodeError."""
        if raw.isascii():
            return raw
        try:
            text = raw.decode(UTF_8)
        except UnicodeDecodeError:
            # A part that is neither of both is damaged.
            if self.codec == UTF_8 and _UTF_8_SEQUENCE.search(raw):
                raise
            return raw.decode(WINDOWS if self.codec == UTF_8 else self.codec).encode()
        if self.codec == UTF_8 or self._is_utf8(raw, text):
            return raw
        return raw.decode(self.codec).encode()

    def _is_utf8(self, raw: bytes, text: str) -> bool:
        """True if a part that is declared otherwise and is valid UTF-8 is in UTF-8."""
        if _MULTI_BYTE.match(self.codec):
            try:
                raw.decode(self.codec)
            except UnicodeDecodeError:
                return True
            return False
        others = [character for character in text if not character.isascii()]
        return len(others) >= _CONVINCING or _can_encode(self.codec, "".join(others))


def detect_encoding(stream: BinaryIO) -> EncodedMessage:
    """Return a message with its encoding. Raises FeedError for one that is not supported.

    Blank lines before the XML declaration are skipped.
    """
    sample, stream = peek(stream, _SAMPLE_SIZE)
    wide = _wide_codec(sample)
    if wide is not None:
        stream = io.BufferedReader(_Utf8Stream(stream, wide))
        sample, stream = peek(stream, _SAMPLE_SIZE)
    skipped = len(sample) - len(sample.removeprefix(codecs.BOM_UTF8).lstrip(_BLANK))
    start = sample[skipped:]
    stream.read(skipped)
    match = _DECLARATION.match(start)
    label = match[1].decode() if match else UTF_8
    codec = UTF_8 if wide is not None else _codec(label)
    return EncodedMessage(stream, codec, 1 + sample[:skipped].count(b"\n"))


def _wide_codec(sample: bytes) -> str | None:
    """Return the codec of UTF-16 and UTF-32, with a byte order mark or without."""
    marked = (codec for mark, codec in _WIDE.items() if sample.startswith(mark))
    if sample[:1] == b"\0":
        return next(marked, "utf-16-be")
    return next(marked, "utf-16-le" if sample[1:2] == b"\0" else None)


def _codec(label: str) -> str:
    """Return the codec of a declared encoding. Raises FeedError for an unknown one."""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        name = ""
    if name in _LATIN_1:
        return WINDOWS
    # A declaration that can be read as single bytes is not in UTF-16, as many are said to be.
    if name.startswith(("utf-8", "utf-16", "utf-32")):
        return UTF_8
    if (_SINGLE_BYTE.match(name) or _MULTI_BYTE.match(name)) and _ASCII.decode(name) == _ASCII_TEXT:
        return name
    raise FeedError(
        "invalid_xml",
        f"The file is in the encoding {label}, which is not supported: request it in UTF-8.",
    )


def _can_encode(codec: str, text: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


class _Utf8Stream(io.RawIOBase):
    """A stream in UTF-16 or UTF-32, as UTF-8.

    A surrogate that is not one of a pair becomes bytes that are not valid, so that its record alone
    is refused.
    """

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(codec)("surrogatepass")
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        chunk = b"-"
        while chunk and not self._rest:
            chunk = self._stream.read(len(buffer))
            try:
                text = self._decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                message = f"The file is not entirely in {error.encoding}: request a new copy."
                raise FeedError("invalid_xml", message) from error
            self._rest = text.encode(UTF_8, "surrogatepass")
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
