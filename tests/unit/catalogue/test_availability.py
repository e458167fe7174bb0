"""Whether a book can be bought, for everything that the catalogue may know of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.availability import (
    FEW,
    FORTHCOMING,
    LABELS,
    ORDERABLE,
    WAITING,
    Code,
    availability,
)

# ONIX code list 65, issue 70: https://ns.editeur.org/onix/en/65
LIST_65 = (
    "01 09 10 11 12 20 21 22 23 30 31 32 33 34 40 41 42 43 44 45 46 47 48 49 50 51 52 97 98 99"
)
codes = st.sampled_from(LIST_65.split()) | st.text(max_size=3)
copies = st.none() | st.integers(-5, 1000)


@given(code=codes, free=copies, priced=st.booleans())
def test_a_book_can_be_bought_where_it_is_orderable_priced_and_there(code, free, priced):
    found = availability(code, free, priced=priced)
    assert found.can_buy == (code in ORDERABLE and priced and (free is None or free > 0))
    assert found.label == LABELS[found.code]


@given(code=st.sampled_from(sorted(ORDERABLE)), free=st.integers(-5, 50))
def test_copies_are_told_as_many_few_or_none(code, free):
    found = availability(code, free, priced=True).code
    assert found == (Code.AVAILABLE if free > FEW else Code.FEW if free > 0 else Code.SOLD_OUT)


@pytest.mark.parametrize("free", [None, 0, 100])
@pytest.mark.parametrize("priced", [True, False])
@pytest.mark.parametrize(
    ("codes", "code"),
    [
        (FORTHCOMING, Code.PREORDER),
        (WAITING, Code.SOLD_OUT),
        ({"40", "49", "51", "99", "", "2"}, Code.UNAVAILABLE),
    ],
)
def test_what_is_not_there_is_told_as_what_it_is(codes, code, free, priced):
    assert {availability(given, free, priced=priced).code for given in codes} == {code}


def test_without_a_price_here_nothing_is_sold():
    assert availability("20", None, priced=False).code is Code.UNAVAILABLE


def test_every_answer_has_words():
    assert set(LABELS) == set(Code)
    assert len({str(label) for label in LABELS.values()}) == len(Code)
