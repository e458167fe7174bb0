"""Static files, from memory, under names that hold a hash of what is in them.

`asset("checkout.js")` is `/static/checkout.<hash>.js`, which a browser keeps for ever. A file that
names another (`import` in a script, `url()` in a style sheet) would have to name it with its hash:
no file of the shop's does, since nobody fills that in.
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

FOR_EVER = "public, max-age=31536000, immutable"
A_WHILE = "public, max-age=300"
NEVER = "no-store"
HASH = 16  # hexadecimal digits
QUALITY = 11  # compressed once, and sent often
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
_HASHED = re.compile(rf"\.[0-9a-f]{{{HASH}}}(?=\.[a-z0-9]+\Z)")


class StaticFiles:
    """The files of some folders, of those with the same name the first folder's.

    They are read once: what is changed is served after the next start, which `pserve --reload`
    sees to. Files of no known type are
    not served.
    """

    def __init__(self, prefix: str, folders: Sequence[Path]) -> None:
        """`prefix` is the path that they are served under, as in `/static/`."""
        self._prefix = prefix
        self._hashed: dict[str, str] = {}
        self._lasting: dict[str, Content] = {}
        self._plain: dict[str, Content] = {}
        self._passing: dict[str, Content] = {}
        for name, file in _files(folders).items():
            body = file.read_bytes()
            digest = hashlib.sha256(body).hexdigest()[:HASH]
            hashed = f"{name.removesuffix(file.suffix)}.{digest}{file.suffix}"
            self._hashed[name] = prefix + hashed
            for found, key, cached in (
                (self._lasting, hashed, FOR_EVER),
                (self._plain, name, A_WHILE),
                (self._passing, name, NEVER),
            ):
                found[key] = _content(body, digest, TYPES[file.suffix], cached)

    @property
    def paths(self) -> Mapping[str, str]:
        """The path of each file's own hashed name, where the shop is not mounted below another."""
        return self._hashed

    def path(self, name: str) -> str:
        """The path of a file. Raises KeyError for one that is not there, which is a mistake."""
        return self._hashed[name]

    def answer(self, environ: WSGIEnvironment) -> Answer | None:
        """The file that a path names, if it is one of these.

        A page may come from another version of the shop than its files, as long as a new version
        is rolled out: it asks for a hash that this one does not know, and gets the file as it is
        here, which is better than none. Nobody may keep that under the wrong name.
        """
        path = environ["PATH_INFO"]
        if not path.startswith(self._prefix):
            return None
        name = path[len(self._prefix) :]
        found = self._lasting.get(name) or self._plain.get(name)
        if found is None:
            found = self._passing.get(_HASHED.sub("", name))
        return found.answer(environ) if found else None


def _files(folders: Sequence[Path]) -> dict[str, Path]:
    """All files that can be served, by their names below their folders."""
    return {
        file.relative_to(folder).as_posix(): file
        for folder in reversed(folders)
        for file in _walk(folder)
    }


def _walk(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        if file.suffix in TYPES and file.is_file():
            yield file


def _content(body: bytes, digest: str, content_type: str, cached: str) -> Content:
    headers: Headers = [("Content-Type", content_type), POLICY]
    lasting: Headers = [("Cache-Control", cached), *ALWAYS]
    if "charset" not in content_type:
        return Content(body, digest, headers, lasting, None)
    return Content(body, digest, headers, [*lasting, ("Vary", "Accept-Encoding")], QUALITY)


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
