"""Resources of the books: `/books` and `/books/{sku}`."""

from __future__ import annotations

from pyramid.request import Request
from stdnum import isbn as isbn_number
from stdnum.exceptions import ValidationError

from bookshop.catalogue.queries import BookDetail
from bookshop.services import services
from bookshop.web.resources import Resource


class Catalogue(Resource):
    """All books: `/books/`."""

    address = "/books/"

    def child(self, name: str) -> Resource | None:
        """Return the book with that SKU, or with that ISBN in any form."""
        if "\0" in name:
            return None  # PostgreSQL's text cannot hold it
        sku = canonical_sku(name)
        catalogue = services(self.request).catalogue
        detail = catalogue.detail(sku)
        if detail is not None:
            return Book(self.request, detail)
        title = catalogue.withdrawn_title(sku)
        return None if title is None else WithdrawnBook(self.request, title)


class Book(Resource):
    """A book: `/books/{sku}`."""

    address = "/books/{sku}"

    def __init__(self, request: Request, detail: BookDetail) -> None:
        super().__init__(request)
        self.detail = detail


class WithdrawnBook(Resource):
    """A book that is no longer sold: `/books/{sku}`."""

    address = "/books/{sku}"

    def __init__(self, request: Request, title: str) -> None:
        super().__init__(request)
        self.title = title


def canonical_sku(name: str) -> str:
    """Return an ISBN in any form as 13 digits; any other name unchanged."""
    try:
        return str(isbn_number.validate(name, convert=True))
    except ValidationError:
        return name
