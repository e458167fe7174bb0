"""Descriptions from feeds, as HTML of a few elements that fits into any page."""

from __future__ import annotations

import re
from html import escape, unescape

import nh3

LONGEST = 100_000  # What is longer than that is no description; it is cut there.
_INLINE = frozenset({"em", "strong", "i", "b"})
_LISTS = frozenset({"ul", "ol"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
# What parts text from text; most of it is not let through.
_BLOCKS = frozenset({"p", "div", "tr", "dt", "dd", "section", "article", "header", "footer", "pre"})
_KNOWN = set(_INLINE | _LISTS | _HEADINGS | _BLOCKS | {"blockquote", "li", "br", "hr"})
_TAG = re.compile(
    r"</?(?:p|br|b|i|u|em|strong|span|div|ul|ol|li|a|h[1-6]|blockquote|font|small|su[bp]|hr"
    r"|table|tbody|tr|td|dl|dt|dd|pre|cite|q|body|html|img|script|style)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_TOKEN = re.compile(r"<(?P<end>/?)(?P<tag>[a-z0-9]+)>|(?P<text>[^<]+)")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_LINE_END = "\n"

_Piece = tuple[str, tuple[str, ...]]


def description(text: str) -> str:
    """A text from a feed as safe HTML, be it HTML, HTML that was escaped once too often or plain.

    What has no known tag is plain: blank lines part its paragraphs. A description that has come out
    of here comes out of here again as it is.
    """
    if not _TAG.search(text) and _ENTITY.search(text):
        text = unescape(text)
    return clean(text) if _TAG.search(text) else paragraphs(text)


def paragraphs(text: str) -> str:
    """Plain text as HTML: blank lines part paragraphs, other line ends are blanks."""
    text = _CONTROLS.sub("", text[:LONGEST].replace("\r\n", "\n"))
    found = (_BLANKS.sub(" ", part).strip(" ") for part in _BLANK_LINES.split(text))
    return "".join(f"<p>{escape(part, quote=False)}</p>" for part in found if part)


def clean(text: str) -> str:
    """HTML as valid HTML of p, h3, ul, ol, li, blockquote, em, strong, i, b and br.

    Every heading becomes a h3, as the page's own are above it. Links, pictures and attributes go,
    their text stays; script and style go with all that they hold. Cleaning twice changes nothing.
    """
    safe = nh3.clean(_CONTROLS.sub("", text[:LONGEST]), tags=_KNOWN, attributes={})
    writer = _Writer()
    for token in _TOKEN.finditer(safe):
        tag = token["tag"]
        if tag is None:
            writer.text(unescape(token["text"]))
        elif token["end"]:
            writer.end(tag)
        else:
            writer.start(tag)
    return writer.result()


class _Writer:
    """Writes HTML anew, each element where HTML wants it.

    There are lines (paragraphs, headings, items), which hold text, and around some of them a list
    or a quotation. Lists in lists and in quotations are made one level of them.
    """

    def __init__(self) -> None:
        self._out: list[str] = []
        self._around: list[str] = []  # The lists and quotations that are open in what is read,
        self._written: str | None = None  # and the one that is open in what is written.
        self._inline: list[str] = []
        self._heading = False
        self._line: list[_Piece] = []

    def start(self, tag: str) -> None:
        """Reads a start tag."""
        if tag in _INLINE:
            self._inline.append(tag)
        elif tag == "br":
            self._break()
        elif tag in _LISTS or tag == "blockquote":
            self._end_line()
            self._around.append(tag)
        elif tag == "li":
            self._end_line()
        else:
            self._part()
            self._heading = tag in _HEADINGS

    def end(self, tag: str) -> None:
        """Reads an end tag; nh3 has seen to it that each closes what is open."""
        if tag in _INLINE:
            self._inline.reverse()
            self._inline.remove(tag)
            self._inline.reverse()
        elif tag in _LISTS or tag == "blockquote":
            self._end_line()
            self._around.pop()
            if self._container() != self._written or not self._around:
                self._leave()
        elif tag == "li":
            self._end_line()
        else:
            self._part()
            self._heading = False

    def text(self, text: str) -> None:
        """Reads text."""
        text = _BLANKS.sub(" ", text)
        if not self._line or self._line[-1][0][-1] in " \n":
            text = text.lstrip(" ")
        if text:
            self._line.append((text, tuple(dict.fromkeys(self._inline))))

    def result(self) -> str:
        """What has been written."""
        self._end_line()
        self._leave()
        return "".join(self._out)

    def _container(self) -> str | None:
        lists = (tag for tag in self._around if tag in _LISTS)
        return next(lists, self._around[0] if self._around else None)

    def _part(self) -> None:
        """A block begins or ends: another paragraph; within an item, another line."""
        if self._container() in _LISTS:
            self._break()
        else:
            self._end_line()

    def _break(self) -> None:
        self._trim()
        if not self._line:
            return
        if self._line[-1][0] != _LINE_END:
            self._line.append((_LINE_END, ()))
        elif not self._heading and self._container() not in _LISTS:
            self._end_line()  # Two breaks are what people type where they mean a paragraph.

    def _trim(self) -> None:
        """Takes the blanks off the end of the line."""
        while self._line and self._line[-1][0] != _LINE_END:
            text, inline = self._line.pop()
            if text := text.rstrip(" "):
                self._line.append((text, inline))
                return

    def _end_line(self) -> None:
        self._trim()
        while self._line and self._line[-1][0] == _LINE_END:
            self._line.pop()
            self._trim()
        if self._line:
            container = self._container()
            if container != self._written:
                self._leave()
                if container:
                    self._out.append(f"<{container}>")
                self._written = container
            tag = "li" if container in _LISTS else "h3" if self._heading else "p"
            self._out += (f"<{tag}>", *_inline(self._line), f"</{tag}>")
            self._line = []

    def _leave(self) -> None:
        if self._written:
            self._out.append(f"</{self._written}>")
        self._written = None


def _inline(line: list[_Piece]) -> list[str]:
    """A line's text, with the elements around each piece of it."""
    out: list[str] = []
    now: tuple[str, ...] = ()
    for text, wanted in line:
        same = 0
        while same < min(len(now), len(wanted)) and now[same] == wanted[same]:
            same += 1
        out += [f"</{tag}>" for tag in reversed(now[same:])]
        out += [f"<{tag}>" for tag in wanted[same:]]
        out.append("<br>" if text == _LINE_END else escape(text, quote=False))
        now = wanted
    return out + [f"</{tag}>" for tag in reversed(now)]
