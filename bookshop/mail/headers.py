"""Subjects and names of addresses beyond ASCII, encoded so that no word is split or joined.

Python's policies for e-mails lose spaces of such texts, or add some, where they fold a header (seen
in Python 3.11, 3.12 and 3.13). `email.header` encodes them right in all versions.
"""

from __future__ import annotations

from email.header import Header
from email.headerregistry import Address
from email.policy import EmailPolicy
from typing import Any

MAX_LINE = 76  # characters of a line with encoded words: RFC 2047, section 2


class HeaderPolicy(EmailPolicy):
    """A policy for SMTP with its own encoding of the subject and of a single address's name."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**{"linesep": "\r\n", **values})

    def fold(self, name: str, value: Any) -> str:
        """Return the lines of a header."""
        return self._encoded(name, value) or super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the lines of a header as they are sent."""
        encoded = self._encoded(name, value)
        return super().fold_binary(name, value) if encoded is None else encoded.encode("ascii")

    def _encoded(self, name: str, value: Any) -> str | None:
        """Return the lines of a header in encoded words, None if it has no such text."""
        match name, getattr(value, "addresses", ()):
            case _, (Address() as address,) if address.addr_spec.isascii():
                text, rest = address.display_name, f"{self.linesep} <{address.addr_spec}>"
            case "Subject", ():
                text, rest = str(value), ""
            case _:
                return None
        if text.isascii():
            return None
        words = Header(text, "utf-8", MAX_LINE, header_name=name).encode(linesep=self.linesep)
        return f"{name}: {words}{rest}{self.linesep}"
