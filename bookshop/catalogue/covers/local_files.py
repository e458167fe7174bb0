"""Finding covers in the files beside a feed. Nothing is fetched from the network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from bookshop.catalogue.covers.images import CoverError
from bookshop.catalogue.covers.store import CoverStore
from bookshop.catalogue.edition import Edition

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff")
FOLDERS = (".", "covers", "images")
LOG = logging.getLogger(__name__)


def beside(folder: Path, store: CoverStore) -> Callable[[Edition], str | None] | None:
    """Finds the kept cover of a book among the pictures in a feed's folder.

    None where neither the folder nor its `covers` and `images` have any: then no record needs to be
    looked into for its cover's sake.
    """
    folders = [folder / name for name in FOLDERS if _has_pictures(folder / name)]
    return _CoversIn(folders, store).cover if folders else None


class _CoversIn:
    """The pictures in some folders.

    A book's cover is the file that its record names, or the one called after its ISBN or SKU.
    """

    def __init__(self, folders: Sequence[Path], store: CoverStore) -> None:
        self._folders = folders
        self._store = store

    def cover(self, edition: Edition) -> str | None:
        """The kept cover of a book; None where there is no file, or none that is a picture."""
        path = self._file(edition)
        if path is None:
            return None
        try:
            return self._store.keep(path.read_bytes())
        except CoverError as err:
            LOG.warning("%s is not the cover of %s: %s", path.name, edition.sku, err)
            return None

    def _file(self, edition: Edition) -> Path | None:
        names = [f"{edition.sku}{ending}" for ending in ENDINGS]
        if edition.cover:
            # The last part alone, so that no record names a file elsewhere.
            names.insert(0, PurePosixPath(unquote(urlsplit(edition.cover).path)).name)
        candidates = (folder / name for folder in self._folders for name in names)
        return next((path for path in candidates if _is_picture(path) and path.is_file()), None)


def _has_pictures(folder: Path) -> bool:
    return folder.is_dir() and any(_is_picture(path) for path in folder.iterdir())


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS
