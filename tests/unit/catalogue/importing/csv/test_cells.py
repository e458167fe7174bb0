"""Cells of spreadsheets: read as they are meant, and never where that cannot be known."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.csv import cells
from bookshop.catalogue.importing.records import Refusal
from bookshop.money import decimals

ISBN = "9780306406157"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
parts = texts.map(str.strip)


@given(texts.map(str.strip))
def test_no_text_is_calculated_by_a_spreadsheet_and_each_comes_back(text):
    written = cells.guarded(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cells.bare(written) == text


@given(st.lists(st.lists(parts, min_size=1, max_size=4), max_size=4))
def test_things_in_a_cell_come_back_as_they_were(things):
    found = cells.split(cells.join(things))
    expected = [list(cells._trimmed(thing)) for thing in things if any(thing)]
    assert found == expected


@pytest.mark.parametrize(
    ("cell", "isbn"),
    [
        ("9780306406157", ISBN),
        ("978-0-306-40615-7", ISBN),
        ("0-306-40615-2", ISBN),
        ("306406152", ISBN),
        ('="9780306406157"', ISBN),
        ("9780306406157.0", ISBN),
        ("306406152.0", ISBN),
    ],
)
def test_an_isbn_is_read_whatever_a_spreadsheet_did_to_it(cell, isbn):
    assert cells.read_isbn(cell) == isbn


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("9.78031E+12", "scientific notation"),
        ("9,78031E+12", "scientific notation"),
        ("9780306406158", "check digit"),
        ("0306406153", "check digit"),
        ("306406153", "9 digits"),
        ("978030640615", "12 digits"),
        ("no book", "0 digits"),
    ],
)
def test_an_isbn_that_is_lost_is_refused_by_what_happened_to_it(cell, why):
    with pytest.raises(Refusal, match=why) as refused:
        cells.read_isbn(cell)
    assert refused.value.isbn == cell


@pytest.mark.parametrize(
    ("cell", "currency", "amount"),
    [
        ("12.99", "GBP", 1299),
        ("12,99", "EUR", 1299),
        ("12", "GBP", 1200),
        ("12.5", "GBP", 1250),
        ("£12.99", "GBP", 1299),
        ("12.99 EUR", "EUR", 1299),
        ("eur 12,99", "EUR", 1299),
        ("1500", "JPY", 1500),
        ("\N{FULLWIDTH YEN SIGN}1500", "JPY", 1500),
        ("3.500", "KWD", 3500),
    ],
)
def test_an_amount_is_read_in_the_currencys_own_decimals(cell, currency, amount):
    assert cells.read_amount(cell, currency) == amount


@pytest.mark.parametrize(
    ("cell", "currency"),
    [
        ("1,299.00", "GBP"),
        ("1.299,00", "EUR"),
        ("1 299", "EUR"),
        ("12.999", "GBP"),
        ("12.5", "JPY"),
        ("0", "GBP"),
        ("-1", "GBP"),
        ("12.99 USD", "GBP"),
        ("free", "GBP"),
        ("1e3", "GBP"),
        ("١٢", "GBP"),
        ("", "GBP"),
    ],
)
def test_an_amount_that_may_mean_another_is_refused(cell, currency):
    with pytest.raises(Refusal, match="price"):
        cells.read_amount(cell, currency)


@given(st.integers(1, 10**9), st.sampled_from(["GBP", "JPY", "KWD"]))
def test_no_amount_is_rounded(minor, currency):
    digits = decimals(currency)
    whole, part = divmod(minor, 10**digits)
    written = f"{whole}.{part:0{digits}}" if digits else str(whole)
    assert cells.read_amount(written, currency) == minor


@pytest.mark.parametrize(
    "cell",
    ["2026-03-14", "20260314", "14.3.2026", "14/3/2026", "3/14/2026", "2026-03-14 00:00:00"],
)
def test_a_day_is_read(cell):
    assert cells.read_day(cell) == date(2026, 3, 14)


def test_a_day_that_is_the_same_both_ways_is_read():
    assert cells.read_day("5/5/2026") == date(2026, 5, 5)


@pytest.mark.parametrize("cell", ["3/4/2026", "2026-02-30", "14.3.26", "March", "2026", "45000"])
def test_a_day_that_may_be_another_is_refused(cell):
    with pytest.raises(Refusal, match="2026-03-14"):
        cells.read_day(cell)


@pytest.mark.parametrize(
    ("cell", "code"),
    [("eng", "eng"), ("en", "eng"), ("English", "eng"), ("Deutsch", "ger"), ("français", "fre")],
)
def test_a_language_is_read_by_code_or_name(cell, code):
    assert cells.read_language(cell) == code


@pytest.mark.parametrize("cell", ["Klingonish", "e", "en-GB2"])
def test_a_language_that_nobody_knows_is_refused(cell):
    with pytest.raises(Refusal, match="not known"):
        cells.read_language(cell)


@pytest.mark.parametrize(("cell", "count"), [("0", 0), ("12", 12), ("12.0", 12)])
def test_a_count_is_read(cell, count):
    assert cells.read_count(cell) == count


@pytest.mark.parametrize("cell", ["-1", "1.5", "many", "1" * 10, "²"])
def test_what_is_no_count_is_refused(cell):
    with pytest.raises(Refusal, match="no number"):
        cells.read_count(cell)
