"""Messages of other projects, where a copy of them is next to the checkout.

They are not part of this project: without them the tests are skipped with a warning.
"""

import warnings
from datetime import date
from pathlib import Path

import pytest

from bookshop.catalogue.importing.onix import read
from bookshop.catalogue.importing.records import FeedError, RecordError, ReplaceRecord, UpdateRecord
from tests.unit.catalogue.importing.onix_files import stream

CHECKOUT = Path(__file__).resolve().parents[5]
FOLDER = CHECKOUT.parent / "shared" / "data" / "onix"
OLD, ROOT, HEADER = "onix_2", "not_onix", "invalid_header"
NO_TITLE, NO_IDENTIFIER, WRONG_ISBN = "missing_title", "missing_identifier", "invalid_isbn"
PARTS = ["RP64120", "RP64127", "RP64128", "9782752908643"]
# By file: the code of the error, or for each record its SKU or the code of its refusal.
OUTCOMES = {
    "im_onix/9782707154298.xml": [WRONG_ISBN],
    "im_onix/9782752906700.xml": PARTS,
    "im_onix/audio1.xml": [WRONG_ISBN],
    "im_onix/bad_content_date_format.xml": ["9782211217347"],
    "im_onix/embargo-date.xml": [WRONG_ISBN],
    "im_onix/full_sample.xml": ["9780007232833"],
    "im_onix/illustrations.xml": PARTS,
    "im_onix/invalid_textformat.xml": [NO_IDENTIFIER],
    "im_onix/invalid_textformat_cdata.xml": [NO_IDENTIFIER],
    "im_onix/onix2.xml": OLD,
    "im_onix/preorder-embargo-date.xml": [WRONG_ISBN],
    "im_onix/price_to_be_announced.xml": ["9782211217347"],
    "im_onix/short.xml": ["9780007232833"],
    "im_onix/streaming.xml": [WRONG_ISBN],
    "im_onix/test_prices1.xml": [WRONG_ISBN],
    "im_onix/test_prices_unpriced.xml": [WRONG_ISBN],
    "im_onix/test_prices_with_multiple_periods.xml": [WRONG_ISBN],
    "im_onix/test_prices_with_only_from_date.xml": [WRONG_ISBN],
    "im_onix/test_prices_with_only_until_date.xml": [WRONG_ISBN],
    "im_onix/unqualified-prices.xml": [WRONG_ISBN],
    "jonix/Onix3.1-single-ref.xml": ["9780007232833"],
    "jonix/Onix3.1-single-short.xml": ["9780007232833"],
    "onixcheck/invalid_google_onix_3.xml": HEADER,
    "onixcheck/invalid_onix3_ref.xml": HEADER,
    "onixcheck/invalid_onix_root.xml": ROOT,
    "onixcheck/valid_google_onix_3.xml": ["9789999999991"],
    "onixcheck/valid_onix3_ref_ns.xml": [NO_TITLE],
    "onixcheck/valid_onix3_short.xml": [NO_TITLE],
}


class NotTested(UserWarning):
    """Marks skipped tests in the summary of warnings."""


pytestmark = pytest.mark.filterwarnings("always::UserWarning")


@pytest.fixture
def content():
    """Return the content of a file; skip with a warning if the folder is missing."""

    def found(name):
        if not FOLDER.is_dir():
            reason = "the ONIX messages of other projects are not available: none is tested"
            warnings.warn(reason, NotTested, stacklevel=2)
            pytest.skip(reason)
        return (FOLDER / name).read_bytes()

    return found


def outcome(parsed):
    try:
        return parsed.edition().sku
    except RecordError as refusal:
        return refusal.code


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome_of_each_file(content, name):
    file, expected = content(name), OUTCOMES[name]
    if isinstance(expected, str):
        with pytest.raises(FeedError) as failed:
            list(read(stream(file)))
        assert failed.value.code == expected
        return
    records = list(read(stream(file)))
    outcomes = [outcome(parsed) for parsed in records]
    assert outcomes == expected
    assert all(isinstance(each, ReplaceRecord | UpdateRecord) and each.line for each in records)


def test_every_file_is_listed(content):
    content("onixcheck/LICENSE")
    assert {str(file.relative_to(FOLDER)) for file in FOLDER.glob("*/*.xml")} == set(OUTCOMES)


def test_both_tag_sets_yield_the_same_edition(content):
    [reference] = read(stream(content("jonix/Onix3.1-single-ref.xml")))
    [short] = read(stream(content("jonix/Onix3.1-single-short.xml")))
    assert short.edition() == reference.edition()


# Their ISBNs are invalid: a valid one takes their place.
def edition_with_valid_isbn(file):
    for number in (b"978123456789<", b"9780000000000<", b"9782707154298<"):
        file = file.replace(number, b"9780000000002<")
    [parsed] = read(stream(file))
    return parsed.edition()


@pytest.mark.parametrize(
    ("name", "count", "cheapest"),
    [
        ("test_prices1", 49, ("EUR", 499, "04", date(2013, 3, 27), date(2013, 4, 27))),
        ("test_prices_unpriced", 1, ("EUR", 1099, "04", date(2013, 10, 1), None)),
        (
            "test_prices_with_multiple_periods",
            3,
            ("EUR", 399, "42", date(2016, 8, 1), date(2016, 8, 15)),
        ),
        ("test_prices_with_only_from_date", 2, ("EUR", 499, "42", date(2016, 7, 8), None)),
        ("test_prices_with_only_until_date", 2, ("EUR", 499, "42", None, date(2016, 7, 7))),
        ("unqualified-prices", 2, ("EUR", 499, "42", date(2016, 7, 8), date(2016, 7, 8))),
    ],
)
def test_prices(content, name, count, cheapest):
    edition = edition_with_valid_isbn(content(f"im_onix/{name}.xml"))
    prices = edition.prices or [price for offer in edition.offers for price in offer.prices]
    assert len(prices) == count
    price = min(prices, key=lambda price: price.amount)
    assert (price.currency, price.amount, price.type, price.starts, price.ends) == cheapest


def test_embargo(content):
    assert edition_with_valid_isbn(content("im_onix/embargo-date.xml")).on_sale == date(2012, 9, 21)
    assert edition_with_valid_isbn(content("im_onix/preorder-embargo-date.xml")).on_sale is None


def test_a_price_to_be_announced(content):
    [parsed] = read(stream(content("im_onix/price_to_be_announced.xml")))
    edition = parsed.edition()
    assert (edition.prices, edition.availability) == ((), "40")
    assert edition.published == date(2013, 11, 5)


def test_an_audiobook_and_a_comic(content):
    assert edition_with_valid_isbn(content("im_onix/audio1.xml")).minutes == 300
    assert edition_with_valid_isbn(content("im_onix/streaming.xml")).pages == 48
