"""The sitemap (https://www.sitemaps.org/protocol.html).

`/sitemap.xml` is the index of its files, `/sitemaps/pages.xml` and `/sitemaps/1.xml` onwards, each
with the books of a range of ids: a file is found without counting, and a new book changes the last
file alone. Files of books are generated a thousand books at a time, so that memory use does not
depend on the number of books, and kept until the catalogue changes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from xml.sax.saxutils import escape  # parses nothing  # nosec B406

from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config
from sqlalchemy import func, select
from sqlalchemy.engine import Engine

from bookshop.catalogue import urls
from bookshop.catalogue.edition import digest
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.seo.kept_files import kept_content
from bookshop.services import services
from bookshop.web.resources import Resource, Shop

FILE_SIZE = 50_000  # URLs that the protocol allows in a file
BATCH = 1_000  # books that are read at a time
CACHE_CONTROL = "public, max-age=3600"
GZIP = 16 + zlib.MAX_WBITS  # zlib's parameter for the gzip format
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
PAGES = "pages"
# Four digits are ids up to 500 million, within the databases' integers.
_FILE_NAME = re.compile(r"(?:pages|[1-9][0-9]{0,3})(?=\.xml\Z)")


class Sitemaps(Resource):
    """The files of the sitemap: `/sitemaps/`."""

    address = "/sitemaps"

    def child(self, name: str) -> Resource | None:
        """Return `pages.xml`, or the file of a range of ids if it has books."""
        match = _FILE_NAME.match(name)
        if match is None:
            return None
        if match[0] == PAGES:
            return PagesFile(self.request)
        number = int(match[0])
        exists = _next_file(services(self.request).engine, number) == number
        return BooksFile(self.request, number) if exists else None


class PagesFile(Resource):
    """The file of pages other than books'."""

    address = "/sitemaps/pages.xml"


class BooksFile(Resource):
    """The file of the books in a range of ids; files are numbered from 1."""

    address = "/sitemaps/{number}.xml"

    def __init__(self, request: Request, number: int) -> None:
        super().__init__(request)
        self.number = number


@view_config(context=Shop, name="sitemap.xml", writes=False, private=False)
def sitemap(_context: Shop, request: Request) -> Response:
    """Return the index of the sitemap's files."""
    return _response(request, sitemap_index(services(request).engine, _site(request)))


@view_config(context=PagesFile, writes=False, private=False)
def pages(_context: PagesFile, request: Request) -> Response:
    """Return the shop's index and the list of all books."""
    site = _site(request)
    elements = (_url_element(url) for url in (urls.home(site), urls.books(site)))
    return _response(request, _document("urlset", elements))


@view_config(context=BooksFile, writes=False, private=False)
def books(context: BooksFile, request: Request) -> Response:
    """Return the books of a file with the times of their last changes."""
    shop, version = services(request), services(request).catalogue_version.current()
    chunks = partial(books_file, shop.engine, _site(request), context.number)
    if version is None:
        return _response(request, chunks())
    name = f"{context.number}-{version}-{digest(_site(request))[:8]}.xml.gz"
    path = shop.settings.shop.var / "sitemaps" / name
    if not path.exists():
        shop.rate_limiter.count_network("sitemaps", request)
    kept = kept_content(path, lambda: gzipped(chunks()))
    return _compressed_response(request, kept)


def sitemap_index(engine: Engine, site: str) -> Iterator[str]:
    """Yield the text of the sitemap's index; `site` is `bookshop.url`."""
    return _document(
        "sitemapindex",
        (
            f"<sitemap><loc>{escape(f'{site}/sitemaps/{name}.xml')}</loc></sitemap>\n"
            for name in (PAGES, *_file_numbers(engine))
        ),
    )


def books_file(engine: Engine, site: str, number: int) -> Iterator[str]:
    """Yield the text of a file of books; `site` is `bookshop.url`."""
    return _document("urlset", (_url_elements(site, batch) for batch in _batches(engine, number)))


def gzipped(chunks: Iterable[str]) -> Iterator[bytes]:
    """Yield the text compressed with gzip, chunk by chunk."""
    compressor = zlib.compressobj(wbits=GZIP)
    for chunk in chunks:
        if compressed := compressor.compress(chunk.encode()):
            yield compressed
    yield compressor.flush()


def unzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the text of a gzip file as bytes, chunk by chunk."""
    decompressor = zlib.decompressobj(wbits=GZIP)
    for chunk in chunks:
        yield decompressor.decompress(chunk)


def _file_numbers(engine: Engine) -> Iterator[int]:
    """Yield the numbers of files that have books: one lookup of the primary key for each."""
    number = 0
    while next_number := _next_file(engine, number + 1):
        yield (number := next_number)


def _next_file(engine: Engine, number: int) -> int | None:
    """Return the number of the first file from `number` on that has books, or None."""
    statement = select(func.min(ListingRecord.book_id)).where(
        ListingRecord.book_id > (number - 1) * FILE_SIZE
    )
    with engine.connect() as connection:
        first: int | None = connection.scalar(statement)
    return None if first is None else (first - 1) // FILE_SIZE + 1


def _batches(engine: Engine, number: int) -> Iterator[list[tuple[str, datetime]]]:
    """Yield SKUs and times of change of a file's books in batches, each on its own connection.

    A book that is changed meanwhile is listed once, with its old or its new time.
    """
    file_end = number * FILE_SIZE
    last_id = file_end - FILE_SIZE
    ids = (ListingRecord.book_id, BookRecord.id)
    while True:
        statement = (
            select(ListingRecord.book_id, ListingRecord.sku, BookRecord.changed_at)
            .join(BookRecord, BookRecord.id == ListingRecord.book_id)
            # On both tables, as PostgreSQL would otherwise read all books up to this range.
            .where(*(last_id < column for column in ids), *(column <= file_end for column in ids))
            .order_by(ListingRecord.book_id)
            .limit(BATCH)
        )
        with engine.connect() as connection:
            rows = connection.execute(statement).all()
        if not rows:
            return
        yield [(row.sku, row.changed_at) for row in rows]
        last_id = rows[-1].book_id


def _url_elements(site: str, batch: Iterable[tuple[str, datetime]]) -> str:
    return "".join(_url_element(urls.book(site, sku), changed_at) for sku, changed_at in batch)


def _url_element(url: str, changed_at: datetime | None = None) -> str:
    lastmod = f"<lastmod>{changed_at:%Y-%m-%dT%H:%M:%SZ}</lastmod>" if changed_at else ""
    return f"<url><loc>{escape(url)}</loc>{lastmod}</url>\n"


def _document(root: str, elements: Iterable[str]) -> Iterator[str]:
    yield f'{DECLARATION}<{root} xmlns="{NAMESPACE}">\n'
    yield from elements
    yield f"</{root}>\n"


def _response(request: Request, chunks: Iterator[str]) -> Response:
    return _compressed_response(request, gzipped(chunks))


def _compressed_response(request: Request, chunks: Iterator[bytes]) -> Response:
    """Return a file that is given as gzip, decompressed unless the client accepts gzip.

    Its ETag is weak, as the catalogue may change while the file is generated.
    """
    version = services(request).catalogue_version.current()
    accepted = request.accept_encoding
    best = accepted.acceptable_offers(["gzip", "identity"])[:1] if accepted else []
    is_gzip = [name for name, _quality in best] == ["gzip"]
    response = Response(content_type="application/xml", charset="utf-8", conditional_response=True)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.vary = ("Accept-Encoding",)
    if version is not None:
        response.etag = (f"sitemap-{version}-{digest(_site(request))[:8]}", False)
    if is_gzip:
        response.content_encoding = "gzip"
    response.app_iter = chunks if is_gzip else unzipped(chunks)
    return response


def _site(request: Request) -> str:
    return services(request).settings.shop.url
