"""Editions: kept as JSON, the same for the same edition, and what is read off them."""

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
def test_an_edition_comes_back_from_the_database_as_it_was(edition):
    assert decode(encode(edition)) == edition
    assert encode(decode(encode(edition))) == encode(edition)


@given(editions, editions)
def test_editions_have_one_digest_where_they_are_equal(one, other):
    assert (digest(encode(one)) == digest(encode(other))) == (one == other)


@given(text)
def test_a_text_and_its_bytes_have_one_digest(written):
    assert digest(written) == digest(written.encode())


def test_what_is_not_said_takes_no_room():
    assert encode(Edition(sku="1", title="A")) == '{"sku":"1","title":"A"}'


@pytest.mark.parametrize("text", ["", "{", "[]", '{"sku":"1"}', '{"sku":"1","title":2}'])
def test_what_is_no_edition_is_refused(text):
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
def test_the_byline_names_the_authors_or_else_everybody(people, byline):
    contributors = tuple(Contributor(name, role) for name, role in people)
    assert Edition(sku="1", title="A", contributors=contributors).byline == byline


@pytest.mark.parametrize(
    ("form", "digital"),
    [
        *((form, True) for form in ("EA", "ED", "AJ", "AN", "AO")),
        *((form, False) for form in ("AC", "BB", "DB", "")),
    ],
)
def test_what_is_delivered_by_wire_is_digital(form, digital):
    assert Edition(sku="1", title="A", form=form).digital is digital


# ONIX code list 58, issue 71: what includes tax, and what is fixed by law.
WITH_TAX = {"02", "04", "12", "14", "22", "24", "34", "42"}
WITHOUT_TAX = {"01", "03", "11", "13", "21", "23", "33", "41"}


@pytest.mark.parametrize("code", sorted(WITH_TAX | WITHOUT_TAX))
def test_a_price_says_whether_tax_is_in_it(code):
    assert Price("GBP", 1, code).includes_tax == (code in WITH_TAX)


@pytest.mark.parametrize("code", sorted(WITH_TAX | WITHOUT_TAX))
def test_a_price_says_whether_the_law_fixes_it(code):
    fixed = {"03", "04", "13", "14", "23", "24", "33", "34"}
    assert Price("GBP", 1, code).fixed == (code in fixed)


def test_nobody_changes_an_edition():
    with pytest.raises(AttributeError):
        Edition(sku="1", title="A").title = "B"


def test_days_are_days():
    assert decode('{"sku":"1","title":"A","published":"2026-01-31"}').published == date(2026, 1, 31)


def another(text):
    """The same text as another object, as it comes out of a feed."""
    return text.encode().decode()


def test_equal_editions_are_encoded_alike_however_they_came_about():
    # A text that is read is another object than the default that it equals.
    told = {"sku": "A", "title": "B", "form": another("BA"), "language": another("und")}
    people = (Contributor("Ada", another("A01")),)
    prices = (Price("GBP", 1, another("02")),)
    plain = Edition(
        sku="A", title="B", contributors=(Contributor("Ada"),), prices=(Price("GBP", 1),)
    )
    assert encode(Edition(**told, contributors=people, prices=prices)) == encode(plain)
