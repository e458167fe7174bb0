"""Keeping covers: resized once, in the formats that browsers like."""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from bookshop.catalogue.covers.picture import WIDTHS, file_name, sizes
from bookshop.catalogue.edition import digest

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF")
MOST_BYTES = 20 * 2**20
MOST_PIXELS = 50_000_000
SMALLEST = 40  # pixels: less than that is no cover
# Another number where pictures are made in another way: their names then differ.
MADE_BY = b"1"
LANCZOS = Image.Resampling.LANCZOS
_SAVED_AS: dict[str, dict[str, Any]] = {
    "avif": {"format": "AVIF", "quality": 55, "speed": 8},
    "webp": {"format": "WEBP", "quality": 76, "method": 4},
    "jpg": {"format": "JPEG", "quality": 82, "optimize": True, "progressive": True},
}


class CoverError(ValueError):
    """The file is no picture that can be a cover; the text says why."""


class CoverStore:
    """The covers in a folder. Several processes may keep covers in it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, data: bytes) -> str:
        """Keep the picture in the bytes of a file; its name, the same for the same bytes.

        Raises CoverError. What was kept already is not made again.
        """
        if len(data) > MOST_BYTES:
            raise CoverError(f"it is larger than {MOST_BYTES // 2**20} MiB")
        name = digest(MADE_BY + data)
        image = _picture(data)
        largest = min(image.width, WIDTHS[-1])
        for width in sizes(largest):
            resized = None
            for ending, how in _SAVED_AS.items():
                path = self.path(file_name(name, width, ending))
                if not path.exists():
                    resized = resized or image.resize(_size(image, width), LANCZOS)
                    _write(path, resized, how)
        return "{}.{}x{}".format(name, *_size(image, largest))

    def path(self, file: str) -> Path:
        """Where a file is kept: in one of 256 folders, so that none grows too large."""
        return self._folder.joinpath(file[:2], file)


def _picture(data: bytes) -> Image.Image:
    """The pixels alone, upright and on white."""
    with _reading():
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > MOST_PIXELS:
        raise CoverError("it has too many pixels")
    if min(image.size) < SMALLEST:
        raise CoverError(f"it is smaller than {SMALLEST} pixels")
    with _reading():
        whole = ImageOps.exif_transpose(image).convert("RGBA")
    white = Image.new("RGBA", whole.size, "white")
    white.alpha_composite(whole)
    return white.convert("RGB")


@contextmanager
def _reading() -> Iterator[None]:
    """What Pillow says of a file that it cannot or will not read, in our words."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as err:
        raise CoverError("it has too many pixels") from err
    except (OSError, ValueError, SyntaxError, EOFError) as err:
        raise CoverError("it is no picture that can be read") from err


def _size(image: Image.Image, width: int) -> tuple[int, int]:
    return width, max(1, image.height * width // image.width)


def _write(path: Path, image: Image.Image, how: dict[str, Any]) -> None:
    """Write a whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            image.save(file, **how)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
