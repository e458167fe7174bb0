"""Removes secrets and personal data from what is logged, and writes paths in one spelling first.

A last defence: no code should log any of these, but a visitor can put them into a request.
"""

from __future__ import annotations

import re
import unicodedata
from numbers import Real
from typing import Any
from urllib.parse import unquote

SECRETS = re.compile(
    r"""
    (?:[sr]k|whsec|ek)_[A-Za-z0-9_]{6,}            # Stripe's keys and signing secrets
    | (?<=_secret_)[A-Za-z0-9]+                    # client secrets
    | (?<=key=)[A-Za-z0-9_.~-]{12,}                # signed links to orders
    | (?i:(?<=bearer\ )|(?<=basic\ ))\S+
    | (?<!\d)\d(?:[ ._+\-]?\d){13,}                # card numbers; an ISBN has 13 digits
    # Addresses. Each match starts where a word starts, or long texts would take long.
    | (?: "[^"]{1,64}" | (?<![^\s/<>"'(),:;=&?@]) [^\s/<>"'(),:;=&?@]+ ) @ [^\s/<>"'(),;=&?@]+
    """,
    re.VERBOSE,
)
REDACTED = "[redacted]"
MAX_DECODINGS = 3  # of a path in which percent signs are encoded again
#: Unicode's control characters, lone surrogates, line and paragraph separators.
CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z]+|/\d{13})*/?")  # words and ISBNs: most catalogue pages
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def redact(text: str) -> str:
    """Replace what looks like a secret, a card number or an e-mail address."""
    return SECRETS.sub(REDACTED, text)


def redact_value(value: Any) -> Any:
    """Return a JSON value in which all texts are redacted; other objects become texts."""
    match value:
        case None | Real():
            return value
        case dict():
            return {redact(str(name)): redact_value(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact_value(each) for each in value]
    # A lone surrogate, which JSON can contain, has no encoding.
    return redact(str(value)).encode("utf-8", "backslashreplace").decode()


def redact_path(path: str, *, public: bool) -> str:
    """Return a path of WSGI in one printable spelling, redacted; its first segment unless `public`.

    Redaction follows decoding, since an address can be spelt with encoded or wide characters.
    """
    if public and _PLAIN_PATH.fullmatch(path):
        return path
    text = path.encode("latin-1", "replace").decode("utf-8", "replace")
    for _decoding in range(MAX_DECODINGS):
        text = unquote(text)
    segments: list[str] = []
    parts = unicodedata.normalize("NFKC", text).split("/")
    for part in parts:
        if part == "..":
            del segments[-1:]
        elif part not in {"", "."}:
            segments.append(redact(part))
    if len(segments) > 1 and not public:
        segments[1:] = ["…"]
    elif parts[-1] == "" and segments:
        segments.append("")
    return "/" + "/".join(_UNPRINTABLE.sub("?", each) if each != "…" else each for each in segments)


def printable(text: str) -> str:
    """Return a text on one line, in which control characters are visible.

    A line break could pretend to be another log line, an escape sequence control a terminal.
    """
    if text.isprintable():
        return text
    return "".join(
        f"\\x{ord(each):02x}" if unicodedata.category(each) in CONTROLS else each for each in text
    )
