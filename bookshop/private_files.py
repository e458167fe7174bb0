"""Files and folders that only their owner can read, from the first byte on.

A file whose mode is changed after it was created can be opened before. None is written through a
link, which another user of a shared folder may have put there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def make_private_folder(folder: Path) -> None:
    """Create a missing folder. The mode of an existing one is its owner's decision."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def create_private_file(path: Path) -> BinaryIO:
    """Create a file and open it. Raises FileExistsError, also if there is a link."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE), "w+b")


def replace_private_file(path: Path) -> BinaryIO:
    """Delete a file or link, and create a file there. Another name of the file is unaffected."""
    path.unlink(missing_ok=True)
    return create_private_file(path)


def open_private_file(path: Path) -> BinaryIO:
    """Open an existing file to change it. Raises OSError if it is a link."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b")


@contextmanager
def complete_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that gets its name `path` when it is written completely.

    After an error it is deleted, and what had the name remains. Its folder must exist.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
