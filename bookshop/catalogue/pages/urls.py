"""The addresses of the shop's pages, below `site`.

For whoever reads them elsewhere that is `bookshop.url`, and never the Host of a request, which
anybody can write. For the shop's own pages it is the path that the shop is mounted at.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from bookshop.catalogue.covers.picture import kept_or_drawn


def home(site: str) -> str:
    """The index of the shop at `site`, which has no slash at its end."""
    return f"{site}/"


def book(site: str, sku: str) -> str:
    """The page of a book."""
    return f"{site}/books/{quote(sku, safe='')}"


def books(site: str, parameters: Mapping[str, str] | None = None) -> str:
    """A list of books, as its parameters narrow it."""
    return f"{site}/books/" + (f"?{urlencode(parameters)}" if parameters else "")


def feed(site: str) -> str:
    """The feed of new books."""
    return f"{site}/books/new.atom"


def cover(site: str, name: str) -> str:
    """The largest picture of a cover."""
    return kept_or_drawn(name, covers(site)).src


def covers(site: str) -> str:
    """What the addresses of all pictures begin with; a slash comes after it."""
    return f"{site}/covers"
