"""Covers for browsers: a name stands for the same picture for ever."""

from __future__ import annotations

from pyramid.request import Request
from pyramid.response import FileResponse, Response
from pyramid.view import view_config

from bookshop.catalogue.covers.resources import CoverFile
from bookshop.web.static_files import FOR_EVER


@view_config(context=CoverFile)
def cover(context: CoverFile, request: Request) -> Response:
    """One picture."""
    response = FileResponse(context.path, request, content_type=context.content_type)
    response.headers["Cache-Control"] = FOR_EVER
    # Feed readers show covers among their own pages.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
