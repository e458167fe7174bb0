"""Values of CSV files: parsed where the meaning is certain, otherwise refused."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.importing import onix
from bookshop.catalogue.importing.csv import amounts, cells, dates, values
from bookshop.catalogue.importing.records import RecordError
from bookshop.money import decimals
from tests.unit.catalogue.importing.onix_files import message, price, record, stream, supply

ISBN = "9780306406157"
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
SIGNS = "[\\s\ufeff\u200b\u2060]*[=+\\-@\uff1d\uff0b\uff0d\uff20]"
parts = texts.map(str.strip)


@given(texts.map(str.strip))
def test_escaped_text_is_no_formula_and_is_restored(text):
    written = cells.escape_formula(text)
    assert not re.match(SIGNS, written)
    assert cells.unescape_formula(written) == text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "\uff1dHYPERLINK()",
        "\uff0b1",
        "\uff0d1",
        "\uff20SUM()",
        "\ufeff=1",
        "\u200b=1",
        " =1",
        "\u00a0\uff1d1",
        "\n=1",
    ],
)
def test_wide_signs_and_invisible_marks_before_them_are_escaped_too(text):
    assert cells.escape_formula(text) == f"'{text}"
    assert cells.escape_sent_formula(text) == f"'{text}"
    assert cells.unescape_formula(f"'{text}") == text


@pytest.mark.parametrize("cell", ['="0306406152"', "'=1", "Moss", "9.99"])
def test_cells_that_are_text_are_kept_as_they_were_sent(cell):
    assert cells.escape_sent_formula(cell) == cell
    formula = '="a"&HYPERLINK("x")'
    assert cells.escape_sent_formula(formula) == f"'{formula}"


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
        ("no book", "text_in_isbn_column"),
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
        ("0,125", "KWD", 125),
        ("12.9900", "GBP", 1299),
        ("1500.00", "JPY", 1500),
        ("US$12.99", "USD", 1299),
        ("$12.99", "CAD", 1299),
        ("12,50 zł", "PLN", 1250),
        ("125 kr", "SEK", 12500),
        ("'12.99", "GBP", 1299),
    ],
)
def test_an_amount_is_parsed_with_the_decimals_of_its_currency(cell, currency, amount):
    assert amounts.parse_amount(cell, currency) == amount


@pytest.mark.parametrize(
    ("cell", "currency", "code"),
    [
        ("1,299.00", "GBP", "thousands_separator"),
        ("1.299,00", "EUR", "thousands_separator"),
        ("1 299", "EUR", "thousands_separator"),
        ("12.999", "GBP", "ambiguous_price"),
        ("1,250", "KWD", "ambiguous_price"),
        ("1.500", "JPY", "ambiguous_price"),
        ("1,250", "GBP", "ambiguous_price"),
        ("12'345.50", "CHF", "thousands_separator"),
        ("1234.999", "GBP", "invalid_price"),
        ("12.5", "JPY", "invalid_price"),
        ("0", "GBP", "zero_price"),
        ("-1", "GBP", "invalid_price"),
        ("12.99 USD", "GBP", "other_currency"),
        ("$12.99", "GBP", "other_currency"),
        ("€12,99", "GBP", "other_currency"),
        ("¥1500", "GBP", "other_currency"),
        ("£12.99 USD", "GBP", "other_currency"),
        ("12.99 each", "GBP", "invalid_price"),
        ("free", "GBP", "invalid_price"),
        ("1e3", "GBP", "invalid_price"),
        ("١٢", "GBP", "invalid_price"),
        ("", "GBP", "invalid_price"),
    ],
)
def test_an_ambiguous_or_invalid_amount_is_refused(cell, currency, code):
    with pytest.raises(RecordError) as refused:
        amounts.parse_amount(cell, currency)
    assert refused.value.code == code


@given(st.integers(1, 10**9), st.sampled_from(["GBP", "JPY", "KWD"]))
def test_amounts_are_never_rounded(minor, currency):
    digits = decimals(currency)
    whole, part = divmod(minor, 10**digits)
    written = f"{whole}.{part:0{digits}}" if digits else str(whole)
    assert amounts.parse_amount(written, currency) == minor


@pytest.mark.parametrize(
    "cell",
    [
        *("2026-03-14", "20260314", "2026/3/14", "2026-03-14 00:00:00", "2026-03-14T09:30:00Z"),
        *("14.3.2026", "14/3/2026", "14-03-2026", "14 March 2026", "14th March, 2026"),
        *("March 14, 2026", "14. März 2026", "14 de marzo de 2026", "14-Mar-2026", "'14/3/2026"),
    ],
)
def test_a_date_is_parsed(cell):
    assert dates.parse_day(cell, "en_GB") == date(2026, 3, 14)


@pytest.mark.parametrize(
    ("locale", "day"),
    [
        ("en_GB", date(2026, 4, 3)),
        ("de_DE", date(2026, 4, 3)),
        ("en_US", date(2026, 3, 4)),
        ("ja_JP", date(2026, 3, 4)),
    ],
)
def test_a_date_of_numbers_is_read_in_the_order_of_the_locale(locale, day):
    assert dates.parse_day("3/4/2026", locale) == day
    assert dates.parse_day("3.4.2026", locale) == date(2026, 4, 3)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026", date(2026, 1, 1)),
        ("2026-03", date(2026, 3, 1)),
        ("202603", date(2026, 3, 1)),
        ("03/2026", date(2026, 3, 1)),
        ("March 2026", date(2026, 3, 1)),
        ("mars 2026", date(2026, 3, 1)),
    ],
)
def test_years_and_months_alone_are_their_first_days_unless_a_day_is_needed(cell, day):
    assert dates.parse_day(cell, "en_GB") == day
    with pytest.raises(RecordError) as refused:
        dates.parse_day(cell, "en_GB", whole=True)
    assert refused.value.code == "incomplete_date"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("2026-02-30", "nonexistent_date"),
        ("30 February 2026", "nonexistent_date"),
        ("3/14/2026", "nonexistent_date"),  # no fourteenth month
        ("2026-13-01", "nonexistent_date"),
        ("14.3.26", "invalid_date"),
        ("March", "invalid_date"),
        ("Spring 2026", "invalid_date"),
        ("45000", "invalid_date"),
    ],
)
def test_a_date_that_does_not_exist_is_refused_as_such(cell, code):
    with pytest.raises(RecordError) as refused:
        dates.parse_day(cell, "en_GB")
    assert refused.value.code == code


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


# --- the same amount in ONIX and in CSV


def amount_in_onix(number, currency):
    priced = price(number, currency)
    [parsed] = onix.read(stream(message(record(ProductSupply=supply(priced)))))
    return parsed.edition().prices[0].amount


@pytest.mark.parametrize(
    ("number", "currency", "amount"),
    [
        *(("12.99", "GBP", 1299), ("12,99", "EUR", 1299), ("12.9900", "GBP", 1299)),
        *(("1500", "JPY", 1500), ("1500.00", "JPY", 1500), ("5.125", "KWD", 5125)),
    ],
)
def test_an_amount_is_the_same_in_onix_and_in_a_sheet(number, currency, amount):
    assert amounts.parse_amount(number, currency) == amount_in_onix(number, currency) == amount


@pytest.mark.parametrize(
    ("number", "currency"),
    [
        *(("1,250", "KWD"), ("1,250", "GBP"), ("12.999", "GBP"), ("12.5", "JPY")),
        *(("1.299,00", "EUR"), ("£12.99 net", "GBP")),
    ],
)
def test_an_amount_that_is_refused_in_a_sheet_is_refused_in_onix(number, currency):
    with pytest.raises(RecordError):
        amounts.parse_amount(number, currency)
    with pytest.raises(RecordError):
        amount_in_onix(number, currency)
