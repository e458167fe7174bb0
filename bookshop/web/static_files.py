"""Static files, served from memory under names that contain a hash of their content.

`asset("checkout.js")` is `/static/checkout.<hash>.js`, which browsers cache for a year. No file may
name another (`import` in a script, `url()` in a style sheet): the hash would be missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from wsgiref.types import WSGIEnvironment

import hupper
from pyramid.config import Configurator

from bookshop.services import services
from bookshop.settings import ShopSettings
from bookshop.web.headers import ALWAYS, POLICY
from bookshop.web.http_cache import Answer, Content, Headers

IMMUTABLE = "public, max-age=31536000, immutable"
SHORT = "public, max-age=300"
NO_STORE = "no-store"
HASH_LENGTH = 16  # hexadecimal digits
BROTLI_QUALITY = 11  # compressed once, and sent often
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".avif": "image/avif",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_HASHED = re.compile(rf"\.[0-9a-f]{{{HASH_LENGTH}}}(?=\.[a-z0-9]+\Z)")


class StaticFiles:
    """The files of some folders; of files with the same name, the first folder's.

    They are read once: changes are served after the next start, which `pserve --reload` triggers.
    Files of other types than TYPES are not served.
    """

    def __init__(self, prefix: str, folders: Sequence[Path]) -> None:
        """`prefix` is the path of the files, such as `/static/`."""
        self._prefix = prefix
        self._hashed: dict[str, str] = {}
        self._immutable: dict[str, Content] = {}
        self._unhashed: dict[str, Content] = {}
        self._other_version: dict[str, Content] = {}
        for name, file in _files(folders).items():
            body = file.read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:HASH_LENGTH]
            hashed = f"{name.removesuffix(file.suffix)}.{digest}{file.suffix}"
            self._hashed[name] = prefix + hashed
            for contents, key, cache_control in (
                (self._immutable, hashed, IMMUTABLE),
                (self._unhashed, name, SHORT),
                (self._other_version, name, NO_STORE),
            ):
                contents[key] = _content(body, digest, TYPES[file.suffix], cache_control)

    @property
    def paths(self) -> Mapping[str, str]:
        """The path of each file, with its hash, in a shop that is not mounted below a prefix."""
        return self._hashed

    def path(self, name: str) -> str:
        """Return the path of a file. Raises KeyError if there is no such file."""
        return self._hashed[name]

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """Return the file at a path, or None.

        While a new version is rolled out, a page may request a file's hash of another version. It
        gets this version's file, which must not be cached under that name.
        """
        path = environ["PATH_INFO"]
        if not path.startswith(self._prefix):
            return None
        name = path[len(self._prefix) :]
        content = self._immutable.get(name) or self._unhashed.get(name)
        if content is None:
            content = self._other_version.get(_HASHED.sub("", name))
        return content.answer(environ) if content else None


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the files to serve by their paths below their folders."""
    return {
        file.relative_to(folder).as_posix(): file
        for folder in reversed(folders)
        for file in _walk(folder)
    }


def _walk(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.suffix in TYPES and file.is_file():
            yield file


def _content(body: bytes, digest: str, content_type: str, cache_control: str) -> Content:
    headers: Headers = [("Content-Type", content_type), POLICY]
    common_headers: Headers = [("Cache-Control", cache_control), *ALWAYS]
    if "charset" not in content_type:
        return Content(body, digest, headers, common_headers, None)
    return Content(
        body, digest, headers, [*common_headers, ("Vary", "Accept-Encoding")], BROTLI_QUALITY
    )


def static_folders(shop: ShopSettings) -> list[Path]:
    """Return the folders of static files: the theme's, if there is one, before the shop's own."""
    own = Path(__file__).parents[1] / "static"
    return [own] if shop.theme is None else [shop.theme / "static", own]


def make_static_files(shop: ShopSettings) -> StaticFiles:
    """Read the static files of a shop, to be served under `/static/`."""
    return StaticFiles("/static/", static_folders(shop))


def includeme(config: Configurator) -> None:
    """Serve the static files under `/static/`."""
    config.add_early_responder(services(config).static_files.answer)
    if hupper.is_active():  # by `pserve --reload`
        folders = static_folders(services(config).settings.shop)
        hupper.get_reloader().watch_files(str(file) for file in _files(folders).values())
