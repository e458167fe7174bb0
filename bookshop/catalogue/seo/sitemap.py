"""The sitemap: every page that search engines may show (https://www.sitemaps.org/protocol.html).

`/sitemap.xml` names its parts, `/sitemaps/1.xml` and on, each with the books of a range of ids. So
a part is found without counting, and a new book changes the last one alone. Parts are written while
they are sent, some thousand books at a time: they take the same memory however many books there
are, and hold no connection to the database while a slow reader reads.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.sax.saxutils import escape  # parses nothing  # nosec B406

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import func, select
from sqlalchemy.engine import Engine

from bookshop.catalogue.edition import digest
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.pages import urls
from bookshop.services import services
from bookshop.web.resources import Resource, Shop

A_PART = 50_000  # addresses that a file may have
BATCH = 1_000  # books that are read at a time
CACHED = "public, max-age=3600"
GZIP = 16 + zlib.MAX_WBITS  # zlib's word for gzip's header
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
PAGES = "pages"
# Four digits are ids up to 500 million, all of them within the databases' integers.
_PART = re.compile(r"(?:pages|[1-9][0-9]{0,3})(?=\.xml\Z)")


class Sitemaps(Resource):
    """The parts of the sitemap: `/sitemaps/`."""

    def child(self, name: str) -> Resource | None:
        """A part that has something in it: `pages.xml`, or the number of a range of books."""
        found = _PART.match(name)
        if found is None:
            return None
        if found[0] == PAGES:
            return Pages(self.request)
        part = Part(self.request, int(found[0]))
        return (
            part if _next_part(services(self.request).engine, part.number) == part.number else None
        )


class Pages(Resource):
    """The pages that are no book's."""


class Part(Resource):
    """The books of one range of ids; parts count from 1."""

    def __init__(self, request: Request, number: int) -> None:
        super().__init__(request)
        self.number = number


@view_config(context=Shop, name="sitemap.xml")
def sitemap(_context: Shop, request: Request) -> Response:
    """The parts that there are."""
    return _answer(request, index(services(request).engine, services(request).settings.shop.url))


@view_config(context=Pages)
def pages(_context: Pages, request: Request) -> Response:
    """The index of the shop, and the list of all books."""
    site = services(request).settings.shop.url
    found = (_url(each) for each in (urls.home(site), urls.books(site)))
    return _answer(request, _file("urlset", found))


@view_config(context=Part)
def books(context: Part, request: Request) -> Response:
    """The books of a part, and when each of them was changed."""
    shop = services(request)
    return _answer(request, part(shop.engine, shop.settings.shop.url, context.number))


def index(engine: Engine, site: str) -> Iterator[str]:
    """The text of the sitemap's index."""
    return _file(
        "sitemapindex",
        (
            f"<sitemap><loc>{escape(f'{site}/sitemaps/{name}.xml')}</loc></sitemap>\n"
            for name in (PAGES, *_parts(engine))
        ),
    )


def part(engine: Engine, site: str, number: int) -> Iterator[str]:
    """The text of a part with books."""
    return _file("urlset", (_book_urls(site, batch) for batch in _books(engine, number)))


def _parts(engine: Engine) -> Iterator[int]:
    """The numbers of the parts that have books: one look at the primary key for each."""
    number = 0
    while found := _next_part(engine, number + 1):
        yield (number := found)


def _next_part(engine: Engine, number: int) -> int | None:
    """The first part from `number` on that has books."""
    wanted = select(func.min(ListingRecord.book_id)).where(
        ListingRecord.book_id > (number - 1) * A_PART
    )
    with engine.connect() as connection:
        first: int | None = connection.scalar(wanted)
    return None if first is None else (first - 1) // A_PART + 1


def _books(engine: Engine, number: int) -> Iterator[list[tuple[str, datetime]]]:
    """SKU and time of change of a part's books, a batch at a time, each on a connection of its own.

    What is changed meanwhile is there as it was or as it is, and never twice.
    """
    last = number * A_PART
    done = last - A_PART
    ids = (ListingRecord.book_id, BookRecord.id)
    while True:
        wanted = (
            select(ListingRecord.book_id, ListingRecord.sku, BookRecord.changed_at)
            .join(BookRecord, BookRecord.id == ListingRecord.book_id)
            # Of both tables, or PostgreSQL reads all books up to here.
            .where(*(done < book for book in ids), *(book <= last for book in ids))
            .order_by(ListingRecord.book_id)
            .limit(BATCH)
        )
        with engine.connect() as connection:
            rows = connection.execute(wanted).all()
        if not rows:
            return
        yield [(row.sku, row.changed_at) for row in rows]
        done = rows[-1].book_id


def _book_urls(site: str, batch: Iterable[tuple[str, datetime]]) -> str:
    return "".join(_url(urls.book(site, sku), changed_at) for sku, changed_at in batch)


def _url(address: str, changed_at: datetime | None = None) -> str:
    changed = f"<lastmod>{changed_at:%Y-%m-%dT%H:%M:%SZ}</lastmod>" if changed_at else ""
    return f"<url><loc>{escape(address)}</loc>{changed}</url>\n"


def _file(root: str, content: Iterable[str]) -> Iterator[str]:
    yield f'{DECLARATION}<{root} xmlns="{NAMESPACE}">\n'
    yield from content
    yield f"</{root}>\n"


def _answer(request: Request, text: Iterator[str]) -> Response:
    """A file of the sitemap, sent while it is written.

    Its tag is weak: the catalogue may change while it is written, and then the tag is an old one.
    """
    version = services(request).catalogue_version.current()
    wishes = request.accept_encoding
    best = wishes.acceptable_offers(["gzip", "identity"])[:1] if wishes else []
    packed = [name for name, _quality in best] == ["gzip"]
    response = Response(content_type="application/xml", charset="utf-8", conditional_response=True)
    response.headers["Cache-Control"] = CACHED
    response.vary = ("Accept-Encoding",)
    if version is not None:
        site = digest(services(request).settings.shop.url)[:8]
        response.etag = (f"sitemap-{version}-{site}", False)
    if packed:
        response.content_encoding = "gzip"
    response.app_iter = zipped(text) if packed else (each.encode() for each in text)
    return response


def zipped(text: Iterable[str]) -> Iterator[bytes]:
    """The same in gzip, as it comes."""
    packer = zlib.compressobj(wbits=GZIP)
    for each in text:
        if packed := packer.compress(each.encode()):
            yield packed
    yield packer.flush()
