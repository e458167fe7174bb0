"""`/books/{sku}`: lookup of a book by SKU or by any form of its ISBN."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.testing import DummyRequest
from stdnum import isbn

from bookshop.catalogue.resources import Book, Catalogue, WithdrawnBook, possible_skus

bodies = st.from_regex(r"\A97[89][0-9]{9}\Z")


def with_check_digit(body):
    weights = [1, 3] * 6
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + str(-total % 10)


@given(bodies)
def test_all_forms_of_an_isbn_become_13_digits(body):
    number = with_check_digit(body)
    forms = [number, isbn.format(number), " ".join(number), f"{number[:3]}-{number[3:]}"]
    if number.startswith("978"):
        forms += [isbn.to_isbn10(number), isbn.format(isbn.to_isbn10(number))]
    assert {possible_skus(form)[-1] for form in forms} == {number}


@given(bodies, st.integers(0, 9))
def test_wrong_check_digit_is_left_unchanged(body, last):
    name = f"{body}{last}"
    assert possible_skus(name) == [name]


@given(st.text())
def test_any_text_is_accepted(name):
    assert all(isinstance(sku, str) for sku in possible_skus(name))


@pytest.mark.parametrize("name", ["BKS-1", "bks-1", "978", "9780000000000000"])
def test_other_skus_are_left_unchanged(name):
    assert possible_skus(name) == [name]


def test_a_shops_own_sku_that_looks_like_an_isbn_comes_first():
    assert possible_skus("9780306406157 (used)") == ["9780306406157 (used)", "9780306406157"]


def test_book_is_looked_up_by_what_is_typed_and_by_its_isbn():
    queried = []

    class Queries:
        def detail(self, sku):
            queried.append(sku)
            return {"9780306406157": "the book"}.get(sku)

        def withdrawn_title(self, sku):
            return {"9780471117094": "Gone"}.get(sku)

    request = DummyRequest()
    request.registry.services = SimpleNamespace(catalogue=Queries())
    catalogue = Catalogue(request)
    book = catalogue["0-306-40615-2"]
    assert isinstance(book, Book)
    assert book.detail == "the book"
    assert (book.__parent__, book.__name__) == (catalogue, "0-306-40615-2")
    for name in ("9780000000002", "9780306406157\0"):
        with pytest.raises(KeyError):
            catalogue[name]
    assert queried == ["0-306-40615-2", "9780306406157", "9780000000002"]
    withdrawn = catalogue["0-471-11709-9"]
    assert isinstance(withdrawn, WithdrawnBook)
    assert withdrawn.title == "Gone"
