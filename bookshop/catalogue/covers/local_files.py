"""Finds covers among the image files next to a feed. The network is never used."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from bookshop.catalogue.covers.images import CoverError
from bookshop.catalogue.covers.store import MAX_BYTES, CoverStore
from bookshop.catalogue.edition import Edition

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff")
FOLDERS = (".", "covers", "images")
log = logging.getLogger(__name__)


def local_cover_finder(folder: Path, store: CoverStore) -> Callable[[Edition], str | None] | None:
    """Return a function that stores the cover of a book from a feed's folder.

    Return None if the folder and its `covers` and `images` have no images, so that the importer
    need not map unchanged records to look for covers.
    """
    folders = [folder / name for name in FOLDERS if _has_images(folder / name)]
    return _LocalCovers(folders, store).store_cover if folders else None


class _LocalCovers:
    """The images in some folders.

    The cover of a book is the file that its record names, or the one named after its ISBN or SKU.
    """

    def __init__(self, folders: Sequence[Path], store: CoverStore) -> None:
        self._folders = folders
        self._store = store

    def store_cover(self, edition: Edition) -> str | None:
        """Store the cover and return its name; None if there is no usable image."""
        path = self._find(edition)
        if path is None:
            return None
        try:
            return self._store.save(_content(path))
        except CoverError as error:
            fields = {"file": path.name, "sku": edition.sku, "code": error.code}
            log.warning("cover_refused", extra=fields)
            return None

    def _find(self, edition: Edition) -> Path | None:
        names = [f"{edition.sku}{suffix}" for suffix in SUFFIXES]
        if edition.cover:
            names.insert(0, _file_name(edition.cover))
        candidates = (folder / name for folder in self._folders for name in names)
        return next((path for path in candidates if _is_image(path) and _exists(path)), None)


def _file_name(cover: str) -> str:
    """Return the last path segment, so that a record cannot name a file in another folder."""
    try:
        path = urlsplit(cover).path
    except ValueError:  # not a URL, such as "http://[moss.jpg"
        path = cover
    return PurePosixPath(unquote(path)).name


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name is too long for a file
        return False


def _content(path: Path) -> bytes:
    """Return the content of an image, or enough of it to be refused. Raises CoverError."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CoverError("unreadable", f"it cannot be read ({error.strerror})") from error


def _has_images(folder: Path) -> bool:
    return folder.is_dir() and any(_is_image(path) for path in folder.iterdir())


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES
