"""Texts from feeds that were escaped more than once, or decoded with the wrong code page."""

from __future__ import annotations

import re
from html import unescape
from html.entities import html5

ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
MAX_ESCAPES = 3  # a text escaped more often is not a mistake that a program makes
# Elements that mark a part of a title or name, or separate parts.
_TAG = re.compile(
    r"<(/?)(i|b|em|strong|u|su[bp]|small|span|font|cite|q|p|br)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
_BREAKS = frozenset({"br", "p"})
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")


def plain_text(text: str) -> str:
    """Return a title, a name or another text without markup on one line.

    Entities are replaced, also where they were escaped twice, and inline HTML is removed. A sign
    that is part of the text remains: `Tom & Jerry`, `x < y`, `List<String>`.
    """
    if "&" in text:
        for _escape in range(MAX_ESCAPES):
            before, text = text, unescape_entities(text)
            if text == before:
                break
    if "<" in text:
        text = _without_tags(text)
    if _CONTROLS.search(text):
        text = repair_controls(text)
    return " ".join(text.split())


def unescape_entities(text: str) -> str:
    """Replace the entities of HTML; what has no semicolon or no meaning remains."""
    return ENTITY.sub(_character, text)


def repair_controls(text: str) -> str:
    """Remove control characters; those of ISO 8859-1 are the characters of Windows-1252."""
    return _CONTROLS.sub(_windows_character, text)


def _character(entity: re.Match[str]) -> str:
    name = entity[0][1:]
    return unescape(entity[0]) if name.startswith("#") else html5.get(name, entity[0])


def _windows_character(control: re.Match[str]) -> str:
    return control[0].encode("latin-1").decode("cp1252", "ignore") if control[0] > "\x7f" else ""


def _without_tags(text: str) -> str:
    """Remove tags that have both a start and an end, and line breaks."""
    ends = {name.lower() for slash, name in _TAG.findall(text) if slash} | {"br"}

    def replace(tag: re.Match[str]) -> str:
        name = tag[2].lower()
        if name not in ends:
            return tag[0]
        return " " if name in _BREAKS else ""

    return _TAG.sub(replace, text)
