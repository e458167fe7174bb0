"""The sitemap, on SQLite and on PostgreSQL."""

import gzip
import re
import tracemalloc
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from lxml import etree
from sqlalchemy import text

from bookshop.catalogue.seo import sitemap
from bookshop.catalogue.writer import BookUpdate, save_books, withdraw_books
from bookshop.db import WRITES
from tests.unit.makers import NOW, TERMS, book, edition

SITE = "https://books.example"
NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
W3C_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MOST_ADDRESSES, MOST_BYTES, LONGEST = 50_000, 50 * 2**20, 2_048

MANY_BOOKS = """
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
    INSERT INTO books (id, sku, title, reserved, withdrawn, content, added_at, changed_at, edition)
    SELECT n, 'SKU-' || n, 'T', 0, false, '', '2026-01-01 00:00:00.000000',
           '2026-01-01 00:00:00.000000', '' FROM numbers
"""
THEIR_LISTINGS = """
    INSERT INTO listings (book_id, sku, title, byline, form, format, language, sort_title,
                          published, state)
    SELECT id, sku, title, '', 'BC', 'paperback', 'eng', 't', '2026-01-01', 'buy' FROM books
"""


def read(chunks, root, item):
    """Return URLs and times of change of a file, after checking the rules of sitemaps.org."""
    whole = "".join(chunks).encode()
    assert len(whole) <= MOST_BYTES
    tree = etree.fromstring(whole)
    assert tree.tag == NAMESPACE + root
    assert 1 <= len(tree) <= MOST_ADDRESSES
    found = []
    for each in tree:
        assert each.tag == NAMESPACE + item
        assert [child.tag for child in each] in (
            [NAMESPACE + "loc"],
            [NAMESPACE + "loc", NAMESPACE + "lastmod"],
        )
        address, *changed = [child.text for child in each]
        assert len(address) < LONGEST
        assert urlsplit(address)[:2] == ("https", "books.example")
        assert address.isascii()
        assert all(W3C_TIME.fullmatch(time) for time in changed)
        found.append((address, *changed))
    return found


def books(engine, number):
    return read(sitemap.books_file(engine, SITE, number), "urlset", "url")


def parts(engine):
    return [
        each[0] for each in read(sitemap.sitemap_index(engine, SITE), "sitemapindex", "sitemap")
    ]


@pytest.fixture
def add(sessions):
    """Adds books of these ids."""

    def add(*ids):
        with sessions.begin() as session:
            for number in ids:
                row = book(f"SKU-{number}")
                row.id = number
                session.add(row)

    return add


def test_empty_catalogue_has_one_file(engine):
    assert parts(engine) == [f"{SITE}/sitemaps/pages.xml"]


def test_files_are_ranges_of_ids_without_empty_ones(engine, add):
    add(1, 50_000, 50_001, 150_001)

    assert parts(engine) == [f"{SITE}/sitemaps/{name}.xml" for name in ("pages", 1, 2, 4)]
    assert [each[0] for each in books(engine, 1)] == [
        f"{SITE}/books/SKU-1",
        f"{SITE}/books/SKU-50000",
    ]
    assert [each[0] for each in books(engine, 2)] == [f"{SITE}/books/SKU-50001"]
    assert [each[0] for each in books(engine, 4)] == [f"{SITE}/books/SKU-150001"]


def test_file_contains_all_batches_once(engine, add, monkeypatch):
    monkeypatch.setattr(sitemap, "BATCH", 3)
    add(*range(1, 11))

    assert [each[0] for each in books(engine, 1)] == [
        f"{SITE}/books/SKU-{number}" for number in range(1, 11)
    ]


def test_books_have_times_of_change_and_withdrawn_ones_are_left_out(engine):
    writer = engine.execution_options(**{WRITES: True})
    with writer.begin() as connection:
        save_books(connection, [BookUpdate(edition("A")), BookUpdate(edition("B"))], TERMS, NOW)
        withdraw_books(connection, [1], NOW)
        save_books(
            connection,
            [BookUpdate(edition("B"), book_id=2)],
            TERMS,
            NOW + timedelta(hours=1, seconds=5),
        )

    assert books(engine, 1) == [(f"{SITE}/books/B", "2026-06-01T13:00:05Z")]


def test_any_sku_is_encoded(engine, sessions):
    with sessions.begin() as session:
        session.add(book("<A&B>/ü ?#'\""))

    address = f"{SITE}/books/%3CA%26B%3E%2F%C3%BC%20%3F%23%27%22"
    assert [each[0] for each in books(engine, 1)] == [address]


def test_slow_client_holds_no_connection(engine, add):
    add(1, 2)

    reading = sitemap.books_file(engine, SITE, 1)
    next(reading)
    next(reading)

    assert engine.pool.checkedout() == 0


def test_gzipped_file_has_the_same_content(engine, add):
    add(*range(1, 20))

    plain = "".join(sitemap.books_file(engine, SITE, 1)).encode()

    assert gzip.decompress(b"".join(sitemap.gzipped(sitemap.books_file(engine, SITE, 1)))) == plain


def peak(engine, numbers):
    """Return the peak memory in bytes while these files are generated."""
    tracemalloc.start()
    try:
        for number in numbers:
            for _chunk in sitemap.gzipped(sitemap.books_file(engine, SITE, number)):
                pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.detail
def test_memory_does_not_depend_on_the_number_of_books(engine):
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(text(MANY_BOOKS.format(count=100_000)))
        connection.execute(text(THEIR_LISTINGS))
    assert "".join(sitemap.books_file(engine, SITE, 2)).count("<loc>") == MOST_ADDRESSES
    with pytest.MonkeyPatch.context() as few:
        few.setattr(sitemap, "FILE_SIZE", 1_000)
        peak(engine, [1])  # what is made once is made by now
        of_few = peak(engine, [1])

    of_many = peak(engine, [1, 2])

    # A part has more than 6 MB; what else this process does takes a little too.
    assert of_many < of_few + 4_000_000
