"""ISBNs as people type, print and scan them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.catalogue.isbn import read_isbn

ISBN = "9780306406157"
FULLWIDTH = "".join(chr(ord(digit) + 0xFEE0) for digit in ISBN)


@pytest.mark.parametrize(
    "typed",
    [
        *(ISBN, "978-0-306-40615-7", "978 0 306 40615 7", "978.0.306.40615.7", "0-306-40615-2"),
        *("0306406152", "306406152", FULLWIDTH, "978\u20110\u2011306\u201140615\u20117"),
        *("ISBN 9780306406157", "ISBN: 0-306-40615-2", "ISBN-13: 978-0-306-40615-7"),
        *("ISBN-10 0306406152", "isbn13 9780306406157", "eISBN 9780306406157"),
        *("EAN 9780306406157", "GTIN: 9780306406157", "urn:isbn:9780306406157"),
        *("9780306406157 (pbk.)", "978-0-306-40615-7 [hardback]", "9780306406157."),
        *("9780306406157 51299", "978030640615751299", "9780306406157+51299", "9780306406157 02"),
        *("'9780306406157", "\N{RIGHT SINGLE QUOTATION MARK}9780306406157", '="9780306406157"'),
        *(
            "\ufeff9780306406157",
            "\u200e9780306406157\u200b",
            "978\u00ad0306406157",
            " 9780306406157\t",
        ),
        *("9780306406157.0", "306406152.0"),
    ],
)
def test_typed_printed_and_scanned_isbns_are_read_as_one(typed):
    assert read_isbn(typed) == ISBN


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "ISBN", "0", "1234567", "9780306406158", "0306406153", "Moss", "BKS-1"),
        *("9780306406157-02", "9780306406157 9780306406157", "9.78E+12", "9790060011615"),
        "9780306406157" * 9,
    ],
)
def test_other_texts_are_no_isbn(typed):
    assert read_isbn(typed) is None


@given(st.text(max_size=40))
def test_no_text_raises_an_error(text):
    read = read_isbn(text)
    assert read is None or (len(read) == len(ISBN) and read.startswith(("978", "979")))
