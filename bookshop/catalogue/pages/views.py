"""The pages that show books. They are the same for every visitor: no session is touched."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pyramid.httpexceptions import HTTPFound, HTTPMovedPermanently, HTTPNotFound
from pyramid.request import Request
from pyramid.view import view_config

from bookshop.catalogue.pages import urls
from bookshop.catalogue.pages.listing import ListPresenter
from bookshop.catalogue.pages.presenters import Presenter
from bookshop.catalogue.pages.resources import Book, Catalogue, Withdrawn
from bookshop.catalogue.search.cursor import CursorError
from bookshop.catalogue.search.cursor import read as read_cursor
from bookshop.catalogue.search.query import PARAMETERS, QueryError, read
from bookshop.catalogue.seo import page_metadata
from bookshop.services import services
from bookshop.web.resources import Shop

PAGE_SIZE = 24
UNKNOWN = -1  # the version of a catalogue that nobody can tell


@view_config(context=Shop, renderer="catalogue/index.jinja2", catalogue_page=())
def index(_context: Shop, request: Request) -> dict[str, Any]:
    """The books that can be purchased."""
    present = Presenter(request)
    return {
        "books": [present.card(listing) for listing in services(request).catalogue.purchasable()],
        "seo": page_metadata.index(request),
    }


@view_config(context=Catalogue, renderer="catalogue/list.jinja2", catalogue_page=PARAMETERS)
def list_books(_context: Catalogue, request: Request) -> dict[str, Any]:
    """All books, or those that are asked for, a page at a time.

    What names one book, by its ISBN or SKU, leads to it.
    """
    finder = services(request).search
    try:
        query = read(request.GET, finder.bands.names)
        place = request.GET.get("page")
        cursor = read_cursor(place) if place else None
        if query.q:
            services(request).rate_limiter.count_network("searches", request)
        if query.q and (sku := finder.named(query.q)):
            raise HTTPFound(urls.book(request.script_name, sku))
        version = services(request).catalogue_version.current() or UNKNOWN
        found = finder.find(query, cursor, PAGE_SIZE, version)
    except (QueryError, CursorError):
        raise HTTPNotFound from None
    present, links = Presenter(request), ListPresenter(request, query, finder.bands.names)
    title = links.title()
    return {
        "books": [present.card(listing) for listing in found.listings],
        "title": title,
        "asked": query.q,
        "total": found.total,
        "number": links.number(found.total),
        "exact": found.exact,
        "corrected": found.corrected,
        "way": links.way(),
        "chosen": links.chosen(),
        "cleared": links.cleared(),
        "options": links.options(found.facets),
        "sorts": links.sorts(),
        "pages": links.pages(found),
        "continued": cursor is not None,
        "indexed": bool(found.listings)
        and not query.q
        and len(query.filters) <= 1
        and cursor is None,
        "seo": page_metadata.list_(request, query, title, place),
    }


@view_config(context=Book, renderer="catalogue/book.jinja2", catalogue_page=())
def show_book(context: Book, request: Request) -> dict[str, Any]:
    """One book; other forms of its ISBN lead to its one address."""
    book = context.detail
    present = Presenter(request)
    if context.__name__ != book.sku:
        raise HTTPMovedPermanently(present.card(book.listing).url)
    others = services(request).catalogue.other_formats(book.edition)
    return {"book": present.sheet(book, others), "seo": page_metadata.book(request, book, others)}


@view_config(context=Withdrawn, renderer="catalogue/withdrawn.jinja2")
def gone(context: Withdrawn, request: Request) -> dict[str, Any]:
    """A book that the shop has sold once and will not sell again."""
    request.response.status = HTTPStatus.GONE
    return {"title": context.title}
