"""What a page says of a cover: which files there are of it, and how large they are.

A kept cover is named `<digest>.<width>x<height>`: the digest of the file that it was made from,
and the size of the largest picture. All else follows from the name, so no page looks for files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

#: The widths that pages use, in pixels: a list on a plain screen, on a fine one; a book's page.
WIDTHS = (160, 320, 640)
#: By file ending, the best first; the last one is for browsers that know no other.
TYPES = {"avif": "image/avif", "webp": "image/webp", "jpg": "image/jpeg"}
DRAWN = (400, 600)  # the size of the demo's drawings
_NAME = re.compile(
    r"(?P<digest>[0-9a-f]{24})\.(?P<width>[1-9][0-9]{0,4})x(?P<height>[1-9][0-9]{0,4})"
)


@dataclass(frozen=True)
class Picture:
    """A cover in HTML's terms: `sources` are pairs of type and srcset, for `<picture>`."""

    src: str
    width: int
    height: int
    sources: tuple[tuple[str, str], ...] = ()
    srcset: str = ""


def picture(name: str, prefix: str) -> Picture | None:
    """The picture of a kept cover, its files under the path `prefix`; None for another name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    width, height = int(found["width"]), int(found["height"])

    def srcset(ending: str) -> str:
        return ", ".join(
            f"{prefix}/{file_name(found['digest'], each, ending)} {each}w" for each in sizes(width)
        )

    *better, last = TYPES
    return Picture(
        src=f"{prefix}/{file_name(found['digest'], width, last)}",
        width=width,
        height=height,
        sources=tuple((TYPES[ending], srcset(ending)) for ending in better),
        srcset=srcset(last),
    )


def kept_or_drawn(name: str, prefix: str) -> Picture:
    """The picture of a cover: one that was kept, or else one of the demo's drawings."""
    return picture(name, prefix) or Picture(f"{prefix}/{quote(name)}", *DRAWN)


def sizes(width: int) -> list[int]:
    """The widths that a picture is kept in whose largest is `width`."""
    return [each for each in WIDTHS if each < width] + [width]


def file_name(digest: str, width: int, ending: str) -> str:
    """The name of one file of a cover."""
    return f"{digest}-{width}.{ending}"
