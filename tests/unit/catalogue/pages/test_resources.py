"""`/books/{sku}`: one book, however its ISBN is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyramid.testing import DummyRequest
from stdnum import isbn

from bookshop.catalogue.pages.resources import Book, Catalogue, WithdrawnBook, canonical_sku

bodies = st.from_regex(r"\A97[89][0-9]{9}\Z")


def with_check_digit(body):
    weights = [1, 3] * 6
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + str(-total % 10)


@given(bodies)
def test_every_form_of_an_isbn_is_its_13_digits(body):
    number = with_check_digit(body)
    forms = [number, isbn.format(number), " ".join(number), f"{number[:3]}-{number[3:]}"]
    if number.startswith("978"):
        forms += [isbn.to_isbn10(number), isbn.format(isbn.to_isbn10(number))]
    assert {canonical_sku(form) for form in forms} == {number}


@given(bodies, st.integers(0, 9))
def test_a_number_with_a_wrong_check_digit_is_left_as_it_is(body, last):
    name = f"{body}{last}"
    assert canonical_sku(name) == name


@given(st.text())
def test_any_name_is_a_name(name):
    assert isinstance(canonical_sku(name), str)


@pytest.mark.parametrize("name", ["BKS-1", "bks-1", "", "978", "9780000000000000"])
def test_what_is_no_isbn_is_left_as_it_is(name):
    assert canonical_sku(name) == name


def test_a_book_is_looked_up_once_by_its_sku():
    asked = []

    class Shelf:
        def detail(self, sku):
            asked.append(sku)
            return {"9780306406157": "the book"}.get(sku)

        def withdrawn_title(self, sku):
            return {"9780471117094": "Gone"}.get(sku)

    catalogue = Catalogue(DummyRequest(shelf=Shelf()))
    book = catalogue["0-306-40615-2"]
    assert isinstance(book, Book)
    assert book.detail == "the book"
    assert (book.__parent__, book.__name__) == (catalogue, "0-306-40615-2")
    for name in ("9780000000002", "9780306406157\0"):
        with pytest.raises(KeyError):
            catalogue[name]
    assert asked == ["9780306406157", "9780000000002"]
    gone = catalogue["0-471-11709-9"]
    assert isinstance(gone, WithdrawnBook)
    assert gone.title == "Gone"
