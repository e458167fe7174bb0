"""Values of CSV files: parsed where the meaning is certain, otherwise refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing.csv import values
from bookshop.catalogue.importing.records import RecordError
from bookshop.money import decimals

ISBN = "9780306406157"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
parts = texts.map(str.strip)


@given(texts.map(str.strip))
def test_escaped_text_is_no_formula_and_is_restored(text):
    written = values.escape_formula(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert values.unescape_formula(written) == text


@given(st.lists(st.lists(parts, min_size=1, max_size=4), max_size=4))
def test_a_list_is_restored(items):
    found = values.split_list(values.join_list(items))
    expected = [list(values._without_empty_end(item)) for item in items if any(item)]
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
def test_an_isbn_is_restored_after_spreadsheet_changes(cell, isbn):
    assert values.parse_isbn(cell) == isbn


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("9.78031E+12", "isbn_digits_lost"),
        ("9,78031E+12", "isbn_digits_lost"),
        ("9780306406158", "invalid_isbn"),
        ("0306406153", "invalid_isbn"),
        ("306406153", "invalid_isbn"),
        ("978030640615", "invalid_isbn"),
        ("no book", "invalid_isbn"),
    ],
)
def test_an_invalid_isbn_is_refused(cell, code):
    with pytest.raises(RecordError) as refused:
        values.parse_isbn(cell)
    assert (refused.value.code, refused.value.isbn) == (code, cell)


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
def test_an_amount_is_parsed_with_the_decimals_of_its_currency(cell, currency, amount):
    assert values.parse_amount(cell, currency) == amount


@pytest.mark.parametrize(
    ("cell", "currency", "code"),
    [
        ("1,299.00", "GBP", "thousands_separator"),
        ("1.299,00", "EUR", "thousands_separator"),
        ("1 299", "EUR", "thousands_separator"),
        ("12.999", "GBP", "invalid_price"),
        ("12.5", "JPY", "invalid_price"),
        ("0", "GBP", "zero_price"),
        ("-1", "GBP", "invalid_price"),
        ("12.99 USD", "GBP", "invalid_price"),
        ("free", "GBP", "invalid_price"),
        ("1e3", "GBP", "invalid_price"),
        ("١٢", "GBP", "invalid_price"),
        ("", "GBP", "invalid_price"),
    ],
)
def test_an_ambiguous_or_invalid_amount_is_refused(cell, currency, code):
    with pytest.raises(RecordError) as refused:
        values.parse_amount(cell, currency)
    assert refused.value.code == code


@given(st.integers(1, 10**9), st.sampled_from(["GBP", "JPY", "KWD"]))
def test_amounts_are_never_rounded(minor, currency):
    digits = decimals(currency)
    whole, part = divmod(minor, 10**digits)
    written = f"{whole}.{part:0{digits}}" if digits else str(whole)
    assert values.parse_amount(written, currency) == minor


@pytest.mark.parametrize(
    "cell",
    ["2026-03-14", "20260314", "14.3.2026", "14/3/2026", "3/14/2026", "2026-03-14 00:00:00"],
)
def test_a_date_is_parsed(cell):
    assert values.parse_day(cell) == date(2026, 3, 14)


def test_a_date_with_equal_day_and_month_is_parsed():
    assert values.parse_day("5/5/2026") == date(2026, 5, 5)


@pytest.mark.parametrize("cell", ["3/4/2026", "2026-02-30", "14.3.26", "March", "2026", "45000"])
def test_an_ambiguous_or_invalid_date_is_refused(cell):
    with pytest.raises(RecordError) as refused:
        values.parse_day(cell)
    assert refused.value.code == "invalid_date"


@pytest.mark.parametrize(
    ("cell", "code"),
    [("eng", "eng"), ("en", "eng"), ("English", "eng"), ("Deutsch", "ger"), ("français", "fre")],
)
def test_a_language_is_parsed_from_code_or_name(cell, code):
    assert values.parse_language(cell) == code


@pytest.mark.parametrize("cell", ["Klingonish", "e", "en-GB2"])
def test_an_unknown_language_is_refused(cell):
    with pytest.raises(RecordError) as refused:
        values.parse_language(cell)
    assert refused.value.code == "unknown_language"


@pytest.mark.parametrize(("cell", "count"), [("0", 0), ("12", 12), ("12.0", 12)])
def test_a_number_is_parsed(cell, count):
    assert values.parse_count(cell) == count


@pytest.mark.parametrize("cell", ["-1", "1.5", "many", "1" * 10, "²"])
def test_an_invalid_number_is_refused(cell):
    with pytest.raises(RecordError) as refused:
        values.parse_count(cell)
    assert refused.value.code == "invalid_number"
