"""Descriptions as plain text."""

from __future__ import annotations

import re

from markupsafe import Markup

META_LENGTH = 155  # characters of a page's description that search engines show
_BLOCKS = re.compile(r"<(?:/?(?:p|h3|ul|ol|li|blockquote)|br)>")


def to_plain_text(html: str) -> str:
    """Return the text of an HTML description, on one line."""
    return Markup(_BLOCKS.sub(" ", html)).striptags()  # noqa: S704 - becomes plain text  # nosec B704


def shorten(text: str, length: int = META_LENGTH) -> str:
    """Return the text cut at a word to at most `length` characters, with an ellipsis if cut."""
    if len(text) <= length:
        return text
    whole_words, _space, _part = text[:length].rpartition(" ")
    return (whole_words or text[: length - 1]).rstrip(" ,;:-") + "…"
