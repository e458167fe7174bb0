"""Drawn covers: the look of books without an image, in colours and patterns of the style sheet."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

#: The numbers of colours and of patterns in base.css.
COLOURS, PATTERNS = 8, 6


@dataclass(frozen=True)
class DrawnCover:
    """A colour and a pattern: indexes of the style sheet's."""

    colour: int
    pattern: int


def drawn_cover(key: str) -> DrawnCover:
    """Return the cover for a work or a SKU: the same on each page, different for most books."""
    pattern, colour = divmod(zlib.crc32(key.encode("utf-8", "replace")), COLOURS)
    return DrawnCover(colour, pattern % PATTERNS)
