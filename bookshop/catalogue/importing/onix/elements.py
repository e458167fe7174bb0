"""Helpers for lxml elements: names, line numbers, entities."""

from __future__ import annotations

from html.entities import html5
from typing import Any

from lxml import etree
from lxml.etree import _Element as Element

_MAX_PARSER_LINE = 65535


def local_name(element: Element) -> str:
    """Return the name without namespace; empty for comments and processing instructions."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def first_line(element: Element) -> int:
    """Return the line on which an element begins.

    libxml2 limits the line numbers of elements to 65,535, but not those of texts: beyond the limit
    lxml returns the line on which the first text ends.
    """
    line = element.sourceline or 0
    if line < _MAX_PARSER_LINE:
        return line
    node = element
    while node.text is None and len(node):
        node = node[0]
    return line - (node.text or "").count("\n")


def expand_html_entities(element: Element) -> None:
    """Replace the named characters of HTML, such as &eacute;, which ONIX DTDs declare."""
    entities: list[Any] = list(element.iter(etree.Entity))
    for entity in entities:
        characters = html5.get(f"{entity.name};", "") + (entity.tail or "")
        before, parent = entity.getprevious(), entity.getparent()
        if before is not None:
            before.tail = (before.tail or "") + characters
        elif parent is not None:
            parent.text = (parent.text or "") + characters
        entity.tail = None
        if parent is not None:
            parent.remove(entity)
