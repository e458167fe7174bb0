"""Descriptions without their HTML, for those who read none."""

from __future__ import annotations

import re

from markupsafe import Markup

SHORT = 155  # characters that search engines show of a page's description
_PARTS = re.compile(r"<(?:/?(?:p|h3|ul|ol|li|blockquote)|br)>")


def plain(html: str) -> str:
    """The text of a description, on one line."""
    return Markup(_PARTS.sub(" ", html)).striptags()  # noqa: S704 - becomes plain text  # nosec B704


def short(text: str, most: int = SHORT) -> str:
    """As many whole words of a text as go into `most` characters, with dots where some are left."""
    if len(text) <= most:
        return text
    whole, _blank, _part = text[:most].rpartition(" ")
    return (whole or text[: most - 1]).rstrip(" ,;:-") + "…"
