"""Sitemap, robots.txt and the feed of new books, as search engines and feed readers get them."""

import gzip
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import pytest
from lxml import etree
from webob import Request

from bookshop.catalogue.seo import sitemap
from bookshop.catalogue.terms.decisions import ShopDecisions
from bookshop.catalogue.version import bump_version
from bookshop.catalogue.writer import BookUpdate, save_books, withdraw_books
from bookshop.cli.urls import describe_views
from bookshop.db import WRITES
from tests.demo_books import MOSS
from tests.unit.makers import NOW, edition

HOME = "https://books.example/tern"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
ATOM = "{http://www.w3.org/2005/Atom}"
FILES = ["/sitemap.xml", "/sitemaps/pages.xml", "/sitemaps/1.xml"]


def locations(answer):
    return [each.text for each in etree.fromstring(answer.body).iter(SITEMAP + "loc")]


def path_of(address):
    return urlsplit(address).path


def sitemap_urls(visitor):
    """All URLs of the sitemap's parts."""
    parts = [path_of(each) for each in locations(visitor.get("/sitemap.xml"))]
    return [address for part in parts for address in locations(visitor.get(part))]


def change(shop, what):
    with shop.registry.services.engine.execution_options(**{WRITES: True}).begin() as connection:
        what(connection)
        bump_version(connection)


def test_the_sitemap_lists_every_page(make_each_shop):
    visitor = make_each_shop().visitor()

    found = sitemap_urls(visitor)

    assert len(found) == len(set(found)) == 33 + 2
    for address in found:
        page = visitor.get(path_of(address))
        assert page.html.select_one("link[rel=canonical]")["href"] == address


def reads_of(shop, monkeypatch):
    """Return a list that grows with each file of books that is generated."""
    reads, generate = [], sitemap.books_file

    def books_file(engine, site, number):
        reads.append(number)
        return generate(engine, site, number)

    monkeypatch.setattr(sitemap, "books_file", books_file)
    return reads


def test_a_file_of_the_sitemap_is_generated_once_for_each_version(shop, monkeypatch):
    reads, visitor = reads_of(shop, monkeypatch), shop.visitor()
    bodies = [visitor.get("/sitemaps/1.xml").body]
    for accepted in ("gzip", "identity"):  # webtest decompresses what it gets
        headers = {"Accept-Encoding": accepted}
        bodies.append(visitor.get("/sitemaps/1.xml", headers=headers).body)
    assert reads == [1]
    assert bodies == [bodies[0]] * 3

    change(shop, lambda _connection: None)
    visitor.get("/sitemaps/1.xml")
    assert reads == [1, 1]
    assert len(list((shop.var / "sitemaps").iterdir())) == 1


def test_files_of_the_sitemap_that_are_generated_are_limited(make_shop):
    shop = make_shop(limits__sitemaps="1/minute")
    visitor = shop.visitor()
    for _kept in range(3):
        visitor.get("/sitemaps/1.xml")
    change(shop, lambda _connection: None)
    assert visitor.get("/sitemaps/1.xml", status=429).headers["Retry-After"]


def test_a_sitemap_that_cannot_be_kept_is_sent_nevertheless(shop, monkeypatch):
    (shop.var / "sitemaps").write_text("a file, where the folder would be")
    reads = reads_of(shop, monkeypatch)
    for _request in range(2):
        assert MOSS in shop.visitor().get("/sitemaps/1.xml")
    assert reads == [1, 1]


def test_a_withdrawn_book_leaves_the_sitemap_and_the_feed(shop):
    visitor, gone = shop.visitor(), f"http://localhost:6543/books/{MOSS}"
    assert gone in sitemap_urls(visitor)
    assert gone in visitor.get("/books/new.atom")

    book = shop.book(MOSS).id
    change(shop, lambda connection: withdraw_books(connection, [book], NOW))

    assert gone not in sitemap_urls(visitor)
    assert gone not in visitor.get("/books/new.atom")


def test_urls_ignore_the_host_header(make_shop):
    visitor = make_shop(bookshop__url=HOME).visitor()
    visitor.extra_environ["HTTP_HOST"] = "evil.example"

    pages = [visitor.get(path) for path in (*FILES, "/robots.txt", "/books/new.atom", "/")]

    assert all(HOME in page for page in pages)
    assert not any("evil.example" in page for page in pages)


@pytest.mark.parametrize("path", FILES)
def test_the_sitemap_is_cached_for_an_hour_and_revalidated(shop, path):
    visitor = shop.visitor()
    first = visitor.get(path)
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert first.headers["Vary"] == "Accept-Encoding"
    assert first.content_type == "application/xml"
    known = {"If-None-Match": first.headers["ETag"]}

    again = visitor.get(path, headers=known, status=304)
    assert not again.body
    change(shop, lambda _connection: None)
    after = visitor.get(path, headers=known, status=200)

    assert after.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        (None, None),
        ("gzip, deflate, br", "gzip"),
        ("br", None),
        ("gzip;q=0", None),
        ("*", "gzip"),
        ("identity, gzip;q=0.5", None),
    ],
)
def test_the_sitemap_is_compressed_if_gzip_is_accepted(shop, path, accepted, encoding):
    headers = {"Accept-Encoding": accepted} if accepted else {}

    # WSGI directly: the visitor would decompress it.
    answer = Request.blank(path, headers=headers).get_response(shop.wsgi)

    assert answer.headers.get("Content-Encoding") == encoding
    whole = gzip.decompress(answer.body) if encoding else answer.body
    assert whole == shop.visitor().get(path).body


@pytest.mark.parametrize("path", [*FILES, "/robots.txt", "/books/new.atom"])
def test_a_head_request_has_no_body(shop, path):
    answer = shop.visitor().head(path)

    assert answer.body == b""
    assert answer.content_type == shop.visitor().get(path).content_type


@pytest.mark.parametrize(
    "path",
    [
        *("/sitemaps/2.xml", "/sitemaps/0.xml", "/sitemaps/01.xml", "/sitemaps/1", "/sitemaps/"),
        *("/sitemaps/1.xml/junk", "/sitemaps/1.xml.gz", "/sitemaps/9999.xml"),
        *("/sitemaps/99999.xml", "/sitemaps/%D9%A3.xml", "/sitemap.xml/junk", "/robots.txt/junk"),
        *("/books/robots.txt", "/books/new.atom/junk", "/new.atom"),
    ],
)
def test_other_names_are_not_found(make_each_shop, path):
    make_each_shop().visitor().get(path, status=404)


def test_robots_may_not_fetch_personal_pages(shop):
    answer = shop.visitor().get("/robots.txt")
    rules = RobotFileParser()
    rules.parse(answer.text.splitlines())

    assert answer.content_type == "text/plain"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    for path in ("/checkout?item=1", "/success?order=1", "/orders/K7QM", "/webhooks/stripe"):
        assert not rules.can_fetch("Googlebot", path), path
    for path in ("/forget", "/books/?q=moss"):
        assert not rules.can_fetch("Googlebot", path), path
    for path in ("/", "/books/", "/books/?subject=FBA", f"/books/{MOSS}", "/static/base.css"):
        assert rules.can_fetch("Googlebot", path), path
    assert rules.site_maps() == ["http://localhost:6543/sitemap.xml"]


def test_robots_names_private_pages_and_only_addresses_of_the_shop(shop):
    text = shop.visitor().get("/robots.txt").text
    named = {line.partition(": ")[2] for line in text.splitlines() if line.startswith("Disallow")}
    views = describe_views(shop.registry)
    for view in views:
        if view.private:
            assert any(view.address.startswith(path) for path in named), view.address
    for path in named - {"/books/?*&q="}:
        assert any(view.address.startswith(path.partition("?")[0]) for view in views), path


def test_robots_txt_contains_the_mount_path(shop):
    answer = shop.visitor().get("/robots.txt", extra_environ={"SCRIPT_NAME": "/shop"})

    assert "Disallow: /shop/checkout\n" in answer.text


def test_the_feed_has_the_fifty_newest_books(make_each_shop):
    shop = make_each_shop()
    updates = [BookUpdate(edition(f"NEW-{number}")) for number in range(60)]
    change(
        shop,
        lambda connection: save_books(
            connection, updates, shop.registry.services.sales_context, NOW
        ),
    )

    answer = shop.visitor().get("/books/new.atom")

    assert answer.content_type == "application/atom+xml"
    entries = etree.fromstring(answer.body).findall(ATOM + "entry")
    assert [entry.findtext(ATOM + "id") for entry in entries] == [
        f"http://localhost:6543/books/NEW-{number}" for number in range(59, 9, -1)
    ]


def test_pages_link_to_the_feed(shop):
    visitor = shop.visitor()

    for path in ("/", f"/books/{MOSS}"):
        link = visitor.get(path).html.select_one("link[rel=alternate]")
        assert link["type"] == "application/atom+xml"
        assert visitor.get(path_of(link["href"])).status_int == 200


def test_the_feed_has_the_shops_own_description(make_shop):
    shop = make_shop()
    own = ShopDecisions(description="<p>Our own text.</p>")
    terms = shop.registry.services.sales_context
    updates = [BookUpdate(edition("OWN"), decisions=own)]
    change(shop, lambda connection: save_books(connection, updates, terms, NOW))

    feed = etree.fromstring(shop.visitor().get("/books/new.atom").body)

    assert "Our own text." in "".join(feed.find(ATOM + "entry").itertext())
