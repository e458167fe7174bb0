"""The books' branch of the tree: `/books` and `/books/{sku}`."""

from __future__ import annotations

from pyramid.request import Request
from stdnum import isbn as isbn_number
from stdnum.exceptions import ValidationError

from bookshop.catalogue.shelf import Detail
from bookshop.resources import Resource


class Catalogue(Resource):
    """All books: `/books/`."""

    def child(self, name: str) -> Resource | None:
        """The book of that SKU; an ISBN in another form finds its book too."""
        if "\0" in name:
            return None  # PostgreSQL has no such text
        detail = self.request.shelf.detail(canonical_sku(name))
        return Book(self.request, detail) if detail else None


class Book(Resource):
    """One book: `/books/{sku}`."""

    def __init__(self, request: Request, detail: Detail) -> None:
        super().__init__(request)
        self.detail = detail


def canonical_sku(name: str) -> str:
    """The 13 digits of an ISBN-10 or a hyphenated ISBN; anything else as it is."""
    try:
        return str(isbn_number.validate(name, convert=True))
    except ValidationError:
        return name
