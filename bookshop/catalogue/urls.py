"""URLs of the shop's pages, below `site`.

For readers elsewhere, such as search engines, `site` is `bookshop.url`, never the Host header of a
request, which a client can forge. For the shop's own pages it is the path where the shop is
mounted.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from bookshop.catalogue.covers.picture import cover_picture


def home(site: str) -> str:
    """Return the URL of the index; `site` has no slash at its end."""
    return f"{site}/"


def book(site: str, sku: str) -> str:
    """Return the URL of a book's page."""
    return f"{site}/books/{quote(sku, safe='')}"


def books(site: str, parameters: Mapping[str, str] | None = None) -> str:
    """Return the URL of a list of books with these query parameters."""
    return f"{site}/books/" + (f"?{urlencode(parameters)}" if parameters else "")


def feed(site: str) -> str:
    """Return the URL of the Atom feed of new books."""
    return f"{site}/books/new.atom"


def cover(site: str, name: str) -> str:
    """Return the URL of the largest image of a cover."""
    return cover_picture(name, covers(site)).src


def covers(site: str) -> str:
    """Return the URL that all cover images are below."""
    return f"{site}/covers"
