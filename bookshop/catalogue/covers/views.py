"""The view of cover files, whose content never changes."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.view import view_config

from bookshop.catalogue.covers.resources import CoverFile
from bookshop.web.static_files import IMMUTABLE


@view_config(context=CoverFile, writes=False, private=False)
def cover(context: CoverFile, request: Request) -> Response:
    """Return a cover file."""
    response = FileResponse(context.path, request, content_type=context.content_type)
    response.headers["Cache-Control"] = IMMUTABLE
    # Feed readers embed covers in their own pages.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
