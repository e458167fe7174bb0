"""Covers as HTML `<picture>` elements.

A stored cover is named `<digest>.<width>x<height>.v2`: the digest of the source file, the size of
the largest image, and the version of WIDTHS. The names of all its files follow from that, so pages
read no folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

#: Widths in pixels: lists, lists on high-resolution screens, the index on phones, and the page of
#: a book. Covers whose name has no version have no image of 400 pixels.
WIDTHS = (160, 320, 400, 640)
UNVERSIONED_WIDTHS = (160, 320, 640)
VERSION = "v2"
#: Content types by file suffix, in order of preference; the last is the fallback.
TYPES = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}
DEMO_SIZE = (400, 600)  # pixels, of the demo's drawings
_NAME = re.compile(
    r"(?P<digest>[0-9a-f]{24})\.(?P<width>[1-9][0-9]{0,4})x(?P<height>[1-9][0-9]{0,4})"
    rf"(?P<version>\.{VERSION})?"
)


@dataclass(frozen=True)
class Picture:
    """The attributes of a `<picture>`; `sources` are pairs of type and srcset."""

    src: str
    width: int
    height: int
    sources: tuple[tuple[str, str], ...] = ()
    srcset: str = ""


def stored_picture(name: str, prefix: str) -> Picture | None:
    """Return the picture of a stored cover; None for a name of another form.

    `prefix` is the path of the files, without a slash at its end.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    width, height = int(match["width"]), int(match["height"])
    widths = widths_up_to(width, WIDTHS if match["version"] else UNVERSIONED_WIDTHS)

    def srcset(suffix: str) -> str:
        return ", ".join(
            f"{prefix}/{file_name(match['digest'], each, suffix)} {each}w" for each in widths
        )

    *preferred, fallback = TYPES
    return Picture(
        src=f"{prefix}/{file_name(match['digest'], width, fallback)}",
        width=width,
        height=height,
        sources=tuple((TYPES[suffix], srcset(suffix)) for suffix in preferred),
        srcset=srcset(fallback),
    )


def cover_picture(name: str, prefix: str) -> Picture:
    """Return the picture of a stored cover, otherwise that of a drawing of the demo."""
    return stored_picture(name, prefix) or Picture(f"{prefix}/{quote(name)}", *DEMO_SIZE)


def cover_name(digest: str, width: int, height: int) -> str:
    """Return the name of a stored cover whose largest image has that size."""
    return f"{digest}.{width}x{height}.{VERSION}"


def widths_up_to(width: int, widths: Iterable[int] = WIDTHS) -> list[int]:
    """Return the widths of the files of a cover whose largest image has that width."""
    return [each for each in widths if each < width] + [width]


def file_name(digest: str, width: int, suffix: str) -> str:
    """Return the name of one file of a cover."""
    return f"{digest}-{width}.{suffix}"
