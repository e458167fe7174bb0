"""Descriptions from feeds as safe HTML of a few elements. nh3 parses and sanitises it."""

from __future__ import annotations

import re
from collections import Counter
from html import escape, unescape

import nh3

from bookshop.catalogue.importing.text import ENTITY, repair_controls

MAX_LENGTH = 100_000  # characters; longer texts are cut
MAX_DEPTH = 10  # of lists and quotations within each other, and of bold and italics; see _GROUPS
_MAX_PASSES = 10  # most texts are stable after two
_BLOCKS = frozenset({"p", "h3", "ul", "ol", "li", "blockquote"})
_TAGS = {*_BLOCKS, "em", "strong", "i", "b", "br"}
_SANITIZER = nh3.Cleaner(tags=_TAGS, attributes={}, link_rel=None, url_schemes=set())
# nh3 drops or keeps elements, but does not rename them: these become p or h3 before. Headings
# become h3, as the page has its own h1 and h2.
_RENAMED = dict.fromkeys(("h1", "h2", "h4", "h5", "h6"), "h3") | dict.fromkeys(
    (
        *("div", "section", "article", "header", "footer", "pre", "dl", "dt", "dd", "hr"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"),
    ),
    "p",
)
_RENAME = re.compile(rf"(</?)({'|'.join(_RENAMED)})(?=[\s/>])", re.IGNORECASE)
# Two line breaks are a new paragraph, as is the text after a block.
_BREAKS = re.compile(r"(?:<br\s*/?>\s*){2,}", re.IGNORECASE)
_BLOCK_END = re.compile(r"</(?:p|h3|ul|ol|blockquote)\s*>", re.IGNORECASE)
_BLOCK_EDGE = re.compile(rf"(?:<br>| )*(</?(?:{'|'.join(_BLOCKS)})>)(?:<br>| )*")
_AROUND_BREAK = re.compile(r" *<br> *")
_TAG_OR_TEXT = re.compile(r"<br>|<[^>]*>|[^<]+")
_TAG = re.compile(
    r"</?(?:p|br|b|i|u|em|strong|span|div|ul|ol|li|a|h[1-6]|blockquote|font|small|su[bp]|hr"
    r"|table|tbody|tr|td|dl|dt|dd|pre|cite|q|body|html|img|script|style)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
# The start of a tag, and the rest of it unless that contains another one.
_NESTING = re.compile(r"<(/?)([A-Za-z][^\s/<>]*)(?:[^<>]*>)?")
# Elements whose depth is counted together. All that are not kept form another group; those that
# cannot be within each other are not counted.
_GROUPS = (
    dict.fromkeys(("ul", "ol", "blockquote"), "lists")
    | dict.fromkeys(("em", "strong", "i", "b"), "inline")
    | {"h3": "headings"}
)
_NOT_NESTED = frozenset({"p", "li", "br", "hr", "img", "script", "style"})
_WHITESPACE = re.compile(r"[ \t\r\n\f]{2,}|[\t\r\n\f]")


def to_html(text: str) -> str:
    """Return a text from a feed as safe HTML: HTML, HTML that was escaped twice, or plain text.

    A text without a known tag is plain. The result is stable: `to_html(to_html(x)) == to_html(x)`.
    """
    if not _TAG.search(text) and ENTITY.search(text):
        text = unescape(text)
    return sanitize_html(text) if _TAG.search(text) else plain_text_to_html(text)


def plain_text_to_html(text: str) -> str:
    """Return plain text as HTML: blank lines separate paragraphs, other line ends are spaces."""
    text = repair_controls(text[:MAX_LENGTH].replace("\r\n", "\n"))
    parts = (_WHITESPACE.sub(" ", part).strip(" ") for part in _BLANK_LINES.split(text))
    return "".join(f"<p>{escape(part, quote=False)}</p>" for part in parts if part)


def sanitize_html(text: str) -> str:
    """Return HTML that has only p, h3, ul, ol, li, blockquote, em, strong, i, b and br.

    Other elements are removed and their text kept, except for script and style. No attribute is
    kept, so there are no links.
    """
    text = repair_controls(text[:MAX_LENGTH])
    text = _RENAME.sub(lambda match: match[1] + _RENAMED[match[2].lower()], text)
    html = _limit_depth(text)
    for _pass in range(_MAX_PASSES):
        before = html
        html = _BLOCK_END.sub(r"\g<0><p>", _BREAKS.sub("<p>", html))
        html = _SANITIZER.clean(f"<p>{html}").replace("&nbsp;", "\xa0")
        html = _AROUND_BREAK.sub("<br>", _WHITESPACE.sub(" ", html))
        html = _without_empty(_BLOCK_EDGE.sub(r"\1", html)).strip(" ")
        if html == before:
            break
    return html


def _limit_depth(html: str) -> str:
    """Remove tags that are nested too deeply, and end tags without a start.

    Parsing takes time that grows with the square of the depth, and each paragraph repeats the
    inline elements that are open.
    """
    if html.count("<") <= MAX_DEPTH:
        return html
    depths: Counter[str] = Counter()
    opened: Counter[str] = Counter()

    def replace(tag: re.Match[str]) -> str:
        name = tag[2].lower()
        if name in _NOT_NESTED:
            return tag[0]
        group = _GROUPS.get(name, "others")
        if not tag[1]:
            opened[name] += 1
            depths[group] += 1
            return "" if depths[group] > MAX_DEPTH else tag[0]
        if not opened[name]:
            return ""
        opened[name] -= 1
        depths[group] -= 1
        return "" if depths[group] >= MAX_DEPTH else tag[0]

    return _NESTING.sub(replace, html)


def _without_empty(html: str) -> str:
    """Remove empty elements; a space or a line break alone in an inline element moves out of it."""
    kept = [""]
    for piece in _TAG_OR_TEXT.findall(html):
        start = f"<{piece[2:]}" if piece.startswith("</") else None
        if start == kept[-1]:
            kept.pop()
        elif start and kept[-1] in {" ", "<br>"} and kept[-2] == start:
            del kept[-2]
        elif piece != " " or not kept[-1].endswith(" "):
            kept.append(piece)
    return "".join(kept)
