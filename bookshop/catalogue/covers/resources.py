"""The resources under `/covers`."""

from __future__ import annotations

import re
from pathlib import Path

from pyramid.request import Request

from bookshop.catalogue.covers.picture import TYPES
from bookshop.services import services
from bookshop.web.resources import Resource

_FILE = re.compile(rf"[0-9a-f]{{24}}-[1-9][0-9]{{0,4}}\.(?P<suffix>{'|'.join(TYPES)})")


class Covers(Resource):
    """The container of all cover files."""

    address = "/covers"
    always_open = True

    def child(self, name: str) -> Resource | None:
        """Return the file of that name; None if the name is invalid or the file is missing."""
        match = _FILE.fullmatch(name)
        if match is None:
            return None
        path: Path = services(self.request).covers.path(name)
        return CoverFile(self.request, path, TYPES[match["suffix"]]) if path.is_file() else None


class CoverFile(Resource):
    """One file of a cover."""

    address = "/covers/{file}"
    always_open = True

    def __init__(self, request: Request, path: Path, content_type: str) -> None:
        super().__init__(request)
        self.path = path
        self.content_type = content_type
