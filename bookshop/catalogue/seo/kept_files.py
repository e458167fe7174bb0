"""Files that take long to generate, kept on disk until their content changes.

Without them anyone could have 50,000 rows read and compressed with each request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from bookshop.private_files import complete_file, make_private_folder

CHUNK = 64 * 1024  # bytes


def kept_content(path: Path, generate: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
    """Yield the content of a file, after generating it if it is missing.

    What `path.name` has before its first hyphen names the content, the rest its version: files of
    other versions are deleted. If the disk cannot be written, the content is not kept.
    """
    try:
        if not path.exists():
            _write(path, generate)
        file = path.open("rb")
    except OSError:
        yield from generate()
        return
    with file:
        while chunk := file.read(CHUNK):
            yield chunk


def _write(path: Path, generate: Callable[[], Iterable[bytes]]) -> None:
    """Write the file, then delete other versions."""
    make_private_folder(path.parent)
    with complete_file(path) as file:
        file.writelines(generate())
    content = path.name.partition("-")[0]
    for other in path.parent.glob(f"{content}-*"):
        if other != path:
            other.unlink(missing_ok=True)
