"""The books' branch of the tree: `/books` and `/books/{sku}`."""

from __future__ import annotations

from pyramid.request import Request
from stdnum import isbn as isbn_number
from stdnum.exceptions import ValidationError

from bookshop.catalogue.queries import Detail
from bookshop.services import services
from bookshop.web.resources import Resource


class Catalogue(Resource):
    """All books: `/books/`."""

    def child(self, name: str) -> Resource | None:
        """The book of that SKU; an ISBN in another form finds its book too."""
        if "\0" in name:
            return None  # PostgreSQL has no such text
        sku = canonical_sku(name)
        detail = services(self.request).catalogue.detail(sku)
        if detail is not None:
            return Book(self.request, detail)
        title = services(self.request).catalogue.withdrawn(sku)
        return None if title is None else Withdrawn(self.request, title)


class Book(Resource):
    """One book: `/books/{sku}`."""

    def __init__(self, request: Request, detail: Detail) -> None:
        super().__init__(request)
        self.detail = detail


class Withdrawn(Resource):
    """A book that is no longer sold, where it was: `/books/{sku}`."""

    def __init__(self, request: Request, title: str) -> None:
        super().__init__(request)
        self.title = title


def canonical_sku(name: str) -> str:
    """The 13 digits of an ISBN-10 or a hyphenated ISBN; anything else as it is."""
    try:
        return str(isbn_number.validate(name, convert=True))
    except ValidationError:
        return name
