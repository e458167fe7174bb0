"""The pages that show books. They are the same for every visitor: no session is touched."""

from __future__ import annotations

import re
from typing import Any

from pyramid.httpexceptions import HTTPMovedPermanently, HTTPNotFound
from pyramid.request import Request
from pyramid.view import view_config

from bookshop.catalogue.cards import Presenter
from bookshop.catalogue.resources import Book, Catalogue
from bookshop.resources import Shop

PAGE_SIZE = 24


@view_config(context=Shop, renderer="catalogue/index.jinja2", catalogue_page=())
def index(_context: Shop, request: Request) -> dict[str, Any]:
    """The books that can be purchased."""
    present = Presenter(request)
    return {"books": [present.card(listing) for listing in request.shelf.purchasable()]}


@view_config(context=Catalogue, renderer="catalogue/list.jinja2", catalogue_page=("page",))
def list_books(context: Catalogue, request: Request) -> dict[str, Any]:
    """All books by title, a page at a time."""
    page = request.shelf.page(_page_number(request), PAGE_SIZE)
    if page is None:
        raise HTTPNotFound
    present = Presenter(request)

    def address(number: int) -> str | None:
        if not 1 <= number <= page.pages:
            return None
        query = {"page": number} if number > 1 else None
        path: str = request.resource_path(context, query=query)
        return path

    return {
        "books": [present.card(listing) for listing in page.listings],
        "page": {
            "number": page.number,
            "pages": page.pages,
            "total": page.total,
            "previous_url": address(page.number - 1),
            "next_url": address(page.number + 1),
        },
    }


@view_config(context=Book, renderer="catalogue/book.jinja2", catalogue_page=())
def show_book(context: Book, request: Request) -> dict[str, Any]:
    """One book; other forms of its ISBN lead to its one address."""
    book = context.detail
    present = Presenter(request)
    if context.__name__ != book.sku:
        raise HTTPMovedPermanently(present.card(book.listing).url)
    return {"book": present.sheet(book, request.shelf.other_formats(book.edition))}


def _page_number(request: Request) -> int:
    raw = request.GET.get("page", "1")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", raw):
        raise HTTPNotFound
    return int(raw)
