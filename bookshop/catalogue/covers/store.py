"""Keeping covers: resized once, in the formats that browsers like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bookshop.catalogue.covers.picture import WIDTHS, file_name, sizes
from bookshop.catalogue.edition import digest

MOST_BYTES = 20 * 2**20
# Another number where pictures are made in another way: their names then differ.
MADE_BY = b"1"
_SAVED_AS: dict[str, dict[str, Any]] = {
    "avif": {"format": "AVIF", "quality": 55, "speed": 8},
    "webp": {"format": "WEBP", "quality": 76, "method": 4},
    "jpg": {"format": "JPEG", "quality": 82, "optimize": True, "progressive": True},
}


class CoverStore:
    """The covers in a folder. Several processes may keep covers in it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: bytes) -> str:
        """Keep the picture in the bytes of a file; its name, the same for the same bytes.

        Raises pixels.CoverError. What was kept already is not made again.
        """
        # A server keeps none, and has no use for the megabytes that this takes.
        from bookshop.catalogue.covers.images import (  # noqa: PLC0415
            LANCZOS,
            CoverError,
            picture,
            size_of,
            write,
        )

        if len(data) > MOST_BYTES:
            raise CoverError(f"it is larger than {MOST_BYTES // 2**20} MiB")
        name = digest(MADE_BY + data)
        image = picture(data)
        largest = min(image.width, WIDTHS[-1])
        for width in sizes(largest):
            resized = None
            for ending, how in _SAVED_AS.items():
                path = self.path(file_name(name, width, ending))
                if not path.exists():
                    resized = resized or image.resize(size_of(image, width), LANCZOS)
                    write(path, resized, how)
        return "{}.{}x{}".format(name, *size_of(image, largest))

    def path(self, file: str) -> Path:
        """Where a file is kept: in one of 256 folders, so that none grows too large."""
        return self._folder.joinpath(file[:2], file)
