"""The demo catalogue: its numbers, prices and drawings hold what the shop expects of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
from stdnum import isbn

import bookshop.catalogue
from bookshop.catalogue.codes.product_forms import FORMS
from bookshop.catalogue.codes.roles import ROLES
from bookshop.catalogue.forms import Format, form_key, format_of
from bookshop.catalogue.importing.onix.sales_terms import OUT_OF_STOCK
from bookshop.catalogue.pricing import FORTHCOMING, ORDERABLE
from bookshop.money import decimals, known_currencies

DEMO = Path(bookshop.catalogue.__file__).parent / "demo"
DATA = json.loads((DEMO / "books.json").read_text(encoding="utf-8"))
BOOKS = DATA["books"]
BANDS = DATA["bands"]
COVERS = sorted((DEMO / "covers").glob("*.svg"))
DIGITAL = {"ED", "AJ"}
NOT_SOLD = "40"

each_book = pytest.mark.parametrize("book", BOOKS, ids=lambda book: book["sku"])
each_band = pytest.mark.parametrize("prices", BANDS.values(), ids=list(BANDS))
each_cover = pytest.mark.parametrize("cover", COVERS, ids=lambda cover: cover.stem)


def key_of(book):
    return form_key(book["form"], tuple(book["details"]))


def test_there_is_a_shop_full_of_books():
    assert len(BOOKS) >= 24
    assert len({book["language"] for book in BOOKS}) >= 4
    assert len({book["band"] for book in BOOKS}) >= 4
    assert {format_of(book["form"]) for book in BOOKS} == set(Format) - {Format.OTHER}
    assert {key_of(book) for book in BOOKS} == {"BB", "BC", "ED.EPUB", "ED.PDF", "AJ"}


def test_skus_and_isbns_are_unique():
    skus = [book["sku"] for book in BOOKS]
    isbns = [book["isbn"] for book in BOOKS if book["isbn"]]
    assert len(set(skus)) == len(skus)
    assert len(set(isbns)) == len(isbns)
    assert len(isbns) >= len(BOOKS) * 3 / 4


@each_book
def test_an_isbn_is_valid_and_no_real_publishers(book):
    if book["isbn"] is None:
        assert not isbn.is_valid(book["sku"])
        return
    assert isbn.validate(book["isbn"]) == book["isbn"] == book["sku"]
    _prefix, group, registrant, _item, _check = isbn.split(book["isbn"])
    assert (group, registrant) == ("", "")


@each_book
def test_the_codes_are_known(book):
    assert key_of(book) in FORMS
    assert book["availability"] in FORTHCOMING | ORDERABLE | OUT_OF_STOCK | {NOT_SOLD}
    assert book["contributors"]
    assert {person["role"] for person in book["contributors"]} <= set(ROLES)
    assert book["band"] in BANDS


@each_book
def test_each_book_has_title_description_subjects_and_date(book):
    assert book["title"].strip()
    assert 1 <= len(book["description"]) <= 3
    assert all(paragraph.strip() for paragraph in book["description"])
    assert book["subjects"]
    assert date.fromisoformat(book["published"])


@each_book
def test_only_printed_books_have_stock_and_pages(book):
    if book["form"] in DIGITAL:
        assert book["stock"] is None
    else:
        assert book["stock"] >= 0
        assert book["pages"] > 0
    assert (book["minutes"] is not None) == (book["form"] == "AJ")


def test_every_kind_of_availability_can_be_seen():
    counts = [book["stock"] for book in BOOKS if book["availability"] in ORDERABLE]
    assert any(count in {1, 2} for count in counts)
    assert 0 in counts
    seen = {book["availability"] for book in BOOKS}
    assert seen & FORTHCOMING
    assert seen & OUT_OF_STOCK
    assert NOT_SOLD in seen


def test_the_formats_of_a_work_differ_in_form_alone():
    works = defaultdict(list)
    for book in BOOKS:
        works[book["work"]].append(book)
    assert any(len(books) > 2 for books in works.values())
    for books in works.values():
        assert len({key_of(book) for book in books}) == len(books)
        assert len({(book["title"], book["language"], book["cover"]) for book in books}) == 1
        assert len({json.dumps([book["subjects"], book.get("series")]) for book in books}) == 1


@each_band
def test_a_band_has_a_price_in_every_currency(prices):
    assert set(prices) == set(BANDS["pocket"])
    assert set(prices) >= {"GBP", "EUR", "USD", "JPY", "KWD"}
    assert set(prices) <= known_currencies()
    assert all(type(amount) is int and amount > 0 for amount in prices.values())


@each_band
def test_a_price_in_thousandths_ends_in_0(prices):
    # https://docs.stripe.com/currencies#three-decimal
    thousandths = [amount for currency, amount in prices.items() if decimals(currency) == 3]
    assert thousandths
    assert all(amount % 10 == 0 for amount in thousandths)


def test_every_cover_is_drawn_and_every_drawing_is_a_cover():
    assert {book["cover"] for book in BOOKS} == {cover.name for cover in COVERS}


@each_cover
def test_a_cover_is_a_still_drawing_of_its_own(cover):
    assert cover.stat().st_size <= 4096
    root = ET.fromstring(cover.read_text(encoding="utf-8"))  # noqa: S314 - a file of ours
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 400 600"
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in {"script", "style", "image", "foreignObject"}
        for name, value in element.attrib.items():
            local = name.rpartition("}")[2]
            assert local != "style"
            assert not local.startswith("on")
            assert local != "href" or value.startswith("#")
            assert "url(" not in value
