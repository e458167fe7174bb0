"""The pixels of covers: read with care, put on white, resized, written. Pillow does the work."""

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

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF")
MOST_PIXELS = 50_000_000
SMALLEST = 40  # pixels: less than that is no cover
LANCZOS = Image.Resampling.LANCZOS


class CoverError(ValueError):
    """The file is no picture that can be a cover; the text says why."""


def picture(data: bytes) -> Image.Image:
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


def size_of(image: Image.Image, width: int) -> tuple[int, int]:
    """Width and height of the picture at that width."""
    return width, max(1, image.height * width // image.width)


def write(path: Path, image: Image.Image, how: dict[str, Any]) -> None:
    """Write a whole file or none. `how` is what Pillow's `save` is told."""
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
