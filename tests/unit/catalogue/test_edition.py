"""Editions: canonical JSON and derived properties."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.edition import (
    Contributor,
    Edition,
    Feature,
    Price,
    Related,
    Series,
    Subject,
    decode,
    digest,
    encode,
)

text = st.text(max_size=20)
days = st.none() | st.dates()


def some(kind, **fields):
    return st.lists(st.builds(kind, **fields), max_size=3).map(tuple)


editions = st.builds(
    Edition,
    sku=text,
    title=text,
    subtitle=st.none() | text,
    series=some(Series, title=text, number=st.none() | text),
    contributors=some(Contributor, name=text, role=text, inverted=st.none() | text),
    details=st.lists(text, max_size=3).map(tuple),
    published=days,
    pages=st.none() | st.integers(0, 10_000),
    subjects=some(Subject, scheme=text, code=text, heading=st.none() | text, main=st.booleans()),
    prices=some(
        Price, currency=text, amount=st.integers(0, 10**9), starts=days, countries=st.just(("GB",))
    ),
    related=some(Related, relation=text, isbn=text),
    accessibility=some(Feature, code=text, text=st.none() | text),
)


@given(editions)
def test_decode_returns_what_encode_wrote(edition):
    assert decode(encode(edition)) == edition
    assert encode(decode(encode(edition))) == encode(edition)


@given(editions, editions)
def test_equal_editions_and_only_these_have_equal_digests(one, other):
    assert (digest(encode(one)) == digest(encode(other))) == (one == other)


@given(text)
def test_text_and_its_bytes_have_equal_digests(value):
    assert digest(value) == digest(value.encode())


def test_defaults_are_not_encoded():
    assert encode(Edition(sku="1", title="A")) == '{"sku":"1","title":"A"}'


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sku":"1"}', '{"sku":"1","title":2}'])
def test_invalid_json_is_refused(text):
    with pytest.raises(msgspec.DecodeError):
        decode(text)


@pytest.mark.parametrize(
    ("people", "byline"),
    [
        ([], ""),
        ([("Ann", "A01"), ("Bob", "B06"), ("Cy", "A01")], "Ann, Cy"),
        ([("Bob", "B01"), ("Di", "A12")], "Bob, Di"),
    ],
)
def test_byline_names_authors_or_else_all_contributors(people, byline):
    contributors = tuple(Contributor(name, role) for name, role in people)
    assert Edition(sku="1", title="A", contributors=contributors).byline == byline


# ONIX code list 58, issue 71: what includes tax, and what is fixed by law.
WITH_TAX = {"02", "04", "12", "14", "22", "24", "34", "42"}
WITHOUT_TAX = {"01", "03", "11", "13", "21", "23", "33", "41"}


@pytest.mark.parametrize("code", sorted(WITH_TAX | WITHOUT_TAX))
def test_price_types_that_include_tax(code):
    assert Price("GBP", 1, code).includes_tax == (code in WITH_TAX)


@pytest.mark.parametrize("code", sorted(WITH_TAX | WITHOUT_TAX))
def test_price_types_that_are_fixed_by_law(code):
    fixed = {"03", "04", "13", "14", "23", "24", "33", "34"}
    assert Price("GBP", 1, code).fixed == (code in fixed)


def test_editions_are_immutable():
    with pytest.raises(AttributeError):
        Edition(sku="1", title="A").title = "B"


def test_dates_are_decoded():
    assert decode('{"sku":"1","title":"A","published":"2026-01-31"}').published == date(2026, 1, 31)


def copy_of(text):
    """Return an equal string that is another object, as a parser does."""
    return text.encode().decode()


def test_equal_strings_of_other_identity_are_encoded_alike():
    # A string from a feed is not the same object as an equal default.
    values = {"sku": "A", "title": "B", "form": copy_of("BA"), "language": copy_of("und")}
    people = (Contributor("Ada", copy_of("A01")),)
    prices = (Price("GBP", 1, copy_of("02")),)
    plain = Edition(
        sku="A", title="B", contributors=(Contributor("Ada"),), prices=(Price("GBP", 1),)
    )
    assert encode(Edition(**values, contributors=people, prices=prices)) == encode(plain)
