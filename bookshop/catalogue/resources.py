"""Resources of the books: `/books` and `/books/{sku}`."""

from __future__ import annotations

from pyramid.request import Request

from bookshop.catalogue.isbn import read_isbn
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
        catalogue = services(self.request).catalogue
        skus = possible_skus(name)
        for sku in skus:
            if (detail := catalogue.detail(sku)) is not None:
                return Book(self.request, detail)
        for sku in skus:
            if (title := catalogue.withdrawn_title(sku)) is not None:
                return WithdrawnBook(self.request, title)
        return None


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


def possible_skus(name: str) -> list[str]:
    """Return the SKUs that a typed name can mean: itself, and the ISBN-13 if it is an ISBN.

    The name itself comes first: a shop's own SKU may look like an ISBN.
    """
    return list(dict.fromkeys(filter(None, (name, read_isbn(name)))))
