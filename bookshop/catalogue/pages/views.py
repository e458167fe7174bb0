"""Views of the catalogue's pages. They use no session, as pages are the same for every visitor."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pyramid.httpexceptions import HTTPFound, HTTPMovedPermanently, HTTPNotFound
from pyramid.request import Request
from pyramid.view import view_config

from bookshop.catalogue import urls
from bookshop.catalogue.pages.book_presenter import BookPresenter
from bookshop.catalogue.pages.list_presenter import ListPresenter
from bookshop.catalogue.pages.presenters import ListingPresenter
from bookshop.catalogue.resources import Book, Catalogue, WithdrawnBook
from bookshop.catalogue.search.cursor import CursorError, parse_cursor
from bookshop.catalogue.search.query import PARAMETERS, Query, QueryError, parse_query
from bookshop.catalogue.search.service import Results
from bookshop.catalogue.seo import page_metadata
from bookshop.services import services
from bookshop.web.resources import Shop

PAGE_SIZE = 24
UNKNOWN_VERSION = -1  # the catalogue's version if the database does not respond


@view_config(context=Shop, renderer="catalogue/index.jinja2", catalogue_page=())
def index(_context: Shop, request: Request) -> dict[str, Any]:
    """Show the books that can be bought now."""
    presenter = ListingPresenter(request)
    return {
        "books": [presenter.work(work) for work in services(request).catalogue.purchasable()],
        "seo": page_metadata.index(request),
    }


@view_config(context=Catalogue, renderer="catalogue/list.jinja2", catalogue_page=PARAMETERS)
def list_books(_context: Catalogue, request: Request) -> dict[str, Any]:
    """Show a page of all books or of those that match a query.

    A search text that is a book's ISBN or SKU redirects to the book.
    """
    search = services(request).search
    cursor_text = request.GET.get("page")
    try:
        query = parse_query(request.GET, search.price_bands.names)
        cursor = parse_cursor(cursor_text) if cursor_text else None
        if query.q:
            services(request).rate_limiter.count_network("searches", request)
        if query.q and (sku := search.sku_of(query.q)):
            raise HTTPFound(urls.book(request.script_name, sku))
        version = services(request).catalogue_version.current() or UNKNOWN_VERSION
        results = search.find(query, cursor, PAGE_SIZE, version)
    except (QueryError, CursorError):
        raise HTTPNotFound from None
    presenter = ListPresenter(request, query, search.price_bands.names)
    title = presenter.title()
    return {
        **_list_context(request, presenter, results),
        "title": title,
        "search_text": query.q,
        "is_continued": cursor is not None,
        "is_indexed": cursor is None and _is_worth_indexing(query, results),
        "seo": page_metadata.book_list(request, query, title, cursor_text),
    }


@view_config(context=Book, renderer="catalogue/book.jinja2", catalogue_page=())
def show_book(context: Book, request: Request) -> dict[str, Any]:
    """Show a book; other forms of its ISBN redirect to its canonical URL."""
    detail = context.detail
    presenter = BookPresenter(request)
    if context.__name__ != detail.sku:
        raise HTTPMovedPermanently(urls.book(request.script_name, detail.sku))
    other_formats = services(request).catalogue.other_formats(detail.edition)
    return {
        "book": presenter.book_page(detail, other_formats),
        "seo": page_metadata.book(request, detail, other_formats),
    }


@view_config(
    context=WithdrawnBook, renderer="catalogue/withdrawn.jinja2", writes=False, private=False
)
def show_withdrawn_book(context: WithdrawnBook, request: Request) -> dict[str, Any]:
    """Show, with status 410, that a book is no longer sold."""
    request.response.status = HTTPStatus.GONE
    return {"title": context.title}


def _list_context(request: Request, presenter: ListPresenter, results: Results) -> dict[str, Any]:
    """Return the template's variables that depend on the results."""
    books = ListingPresenter(request)
    return {
        "books": [books.work(work) for work in results.works],
        "total": results.total,
        "total_label": presenter.number(results.total),
        "is_exact": results.exact,
        "corrected": results.corrected,
        "breadcrumb": presenter.breadcrumb(),
        "active_filters": presenter.active_filters(),
        "unfiltered_url": presenter.unfiltered_url(),
        "facets": presenter.facets(results.facets),
        "sort_links": presenter.sort_links(),
        "pagination": presenter.pagination(results),
    }


def _is_worth_indexing(query: Query, results: Results) -> bool:
    """True for lists that search engines should index: not searches, at most one filter, books."""
    return bool(results.works) and not query.q and len(query.filters) <= 1
