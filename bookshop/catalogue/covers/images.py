"""Reads, resizes and writes images with Pillow."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from bookshop.private_files import complete_file

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF")
MAX_PIXELS = 50_000_000
PUBLIC_MODE = 0o644  # a web server in front of the shop may serve the images
MIN_SIDE = 40  # pixels
# Pixels, the limit of WebP. AVIF (65,536) and JPEG (65,500) allow more; no written size is larger
# than the image.
MAX_SIDE = 16_383
LANCZOS = Image.Resampling.LANCZOS
# Of a progressive JPEG; each one takes as long as a whole image, in a few bytes of the file.
MAX_SCANS = 100
_SCAN = b"\xff\xda"
_OPAQUE = frozenset({"1", "L", "RGB", "CMYK", "YCbCr"})


class CoverError(ValueError):
    """Raised for a file that cannot be a cover. `code` is stable; the text says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def load_image(data: bytes) -> Image.Image:
    """Return the image upright, on a white background, without metadata. Raises CoverError."""
    with _cover_errors():
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.format == "JPEG" and data.count(_SCAN) > MAX_SCANS:
        raise CoverError("too_many_scans", f"it has more than {MAX_SCANS} scans")
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels()
    if max(image.size) > MAX_SIDE:
        raise CoverError("too_long", f"it is wider or taller than {MAX_SIDE:,} pixels")
    if min(image.size) < MIN_SIDE:
        raise CoverError("too_small", f"it is smaller than {MIN_SIDE} pixels")
    with _cover_errors():
        upright = ImageOps.exif_transpose(image)
        if upright.mode in _OPAQUE and not upright.has_transparency_data:
            return upright.convert("RGB")
        upright = upright.convert("RGBA")
    background = Image.new("RGBA", upright.size, "white")
    background.alpha_composite(upright)
    return background.convert("RGB")


@contextmanager
def _cover_errors() -> Iterator[None]:
    """Turn the errors of Pillow's decoders into CoverError.

    For damaged files they raise errors of many classes, which differ between its releases: also
    struct.error, TypeError, RuntimeError and MemoryError.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_many_pixels() from error
    except Exception as error:
        raise CoverError("not_an_image", "it is not an image that can be read") from error


def _too_many_pixels() -> CoverError:
    return CoverError("too_many_pixels", f"it has more than {MAX_PIXELS:,} pixels")


def scaled_size(image: Image.Image, width: int) -> tuple[int, int]:
    """Return width and height of the image at that width."""
    return width, max(1, image.height * width // image.width)


def save_image(path: Path, image: Image.Image, options: dict[str, Any]) -> None:
    """Write a file atomically. `options` are those of Pillow's `Image.save`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete_file(path) as file:
        os.fchmod(file.fileno(), PUBLIC_MODE)
        image.save(file, **options)
