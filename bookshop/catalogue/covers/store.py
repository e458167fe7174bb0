"""Stores covers, resized and encoded for browsers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bookshop.catalogue.covers.picture import WIDTHS, cover_name, file_name, widths_up_to
from bookshop.catalogue.edition import digest

MAX_BYTES = 20 * 2**20
# Increment it when the encoding changes: covers then get new names.
ENCODING_VERSION = b"1"
_ENCODINGS: dict[str, dict[str, Any]] = {
    "avif": {"format": "AVIF", "quality": 55, "speed": 8},
    "webp": {"format": "WEBP", "quality": 76, "method": 4},
    "jpg": {"format": "JPEG", "quality": 82, "optimize": True, "progressive": True},
}


class CoverStore:
    """The covers in a folder. Several processes may write to it at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, data: bytes) -> str:
        """Store the image in the content of a file, and return its name.

        The same content has the same name, and is encoded only once. Raises images.CoverError.
        """
        # Imported here: a server stores no covers, and Pillow takes megabytes of memory.
        from bookshop.catalogue.covers.images import (  # noqa: PLC0415
            LANCZOS,
            CoverError,
            load_image,
            save_image,
            scaled_size,
        )

        if len(data) > MAX_BYTES:
            raise CoverError("too_many_bytes", f"it is larger than {MAX_BYTES // 2**20} MiB")
        name = digest(ENCODING_VERSION + data)
        image = load_image(data)
        largest = min(image.width, WIDTHS[-1])
        for width in widths_up_to(largest):
            resized = None
            for suffix, options in _ENCODINGS.items():
                path = self.path(file_name(name, width, suffix))
                if not path.exists():
                    resized = resized or image.resize(scaled_size(image, width), LANCZOS)
                    save_image(path, resized, options)
        return cover_name(name, *scaled_size(image, largest))

    def path(self, file: str) -> Path:
        """Return the path of a file: in one of 256 folders, which keeps each of them small."""
        return self._folder.joinpath(file[:2], file)
