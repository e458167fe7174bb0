"""What becomes of other people's messages, where they lie beside the checkout.

They belong to their publishers and are no part of this project: where they are absent, a warning
says so.
"""

import warnings
from datetime import date
from pathlib import Path

import pytest

from bookshop.catalogue.importing.onix import read
from bookshop.catalogue.importing.records import FeedError, Refusal, Replace, Update
from tests.unit.catalogue.importing.onix_files import stream

CHECKOUT = Path(__file__).resolve().parents[5]
FOLDER = CHECKOUT.parent / "shared" / "data" / "onix"
OLD, ROOT = "ONIX 2.1", "begins with ONIXMESAGE"
NO_SENDER, SENDERS = "no Sender", "two Senders"
NO_TITLE, NO_NUMBER = "no title", "names no product"
CHECK_DIGIT, DIGITS = "check digit", "12 digits"
PARTS = ["RP64120", "RP64127", "RP64128", "9782752908643"]
# By file: the error that it is, or for each record its SKU or why it is refused.
OUTCOMES = {
    "im_onix/9782707154298.xml": [CHECK_DIGIT],
    "im_onix/9782752906700.xml": PARTS,
    "im_onix/audio1.xml": [CHECK_DIGIT],
    "im_onix/bad_content_date_format.xml": ["9782211217347"],
    "im_onix/embargo-date.xml": [CHECK_DIGIT],
    "im_onix/full_sample.xml": ["9780007232833"],
    "im_onix/illustrations.xml": PARTS,
    "im_onix/invalid_textformat.xml": [NO_NUMBER],
    "im_onix/invalid_textformat_cdata.xml": [NO_NUMBER],
    "im_onix/onix2.xml": OLD,
    "im_onix/preorder-embargo-date.xml": [CHECK_DIGIT],
    "im_onix/price_to_be_announced.xml": ["9782211217347"],
    "im_onix/short.xml": ["9780007232833"],
    "im_onix/streaming.xml": [CHECK_DIGIT],
    "im_onix/test_prices1.xml": [DIGITS],
    "im_onix/test_prices_unpriced.xml": [DIGITS],
    "im_onix/test_prices_with_multiple_periods.xml": [DIGITS],
    "im_onix/test_prices_with_only_from_date.xml": [DIGITS],
    "im_onix/test_prices_with_only_until_date.xml": [DIGITS],
    "im_onix/unqualified-prices.xml": [CHECK_DIGIT],
    "jonix/Onix3.1-single-ref.xml": ["9780007232833"],
    "jonix/Onix3.1-single-short.xml": ["9780007232833"],
    "onixcheck/invalid_google_onix_3.xml": SENDERS,
    "onixcheck/invalid_onix3_ref.xml": NO_SENDER,
    "onixcheck/invalid_onix_root.xml": ROOT,
    "onixcheck/valid_google_onix_3.xml": ["9789999999991"],
    "onixcheck/valid_onix3_ref_ns.xml": [NO_TITLE],
    "onixcheck/valid_onix3_short.xml": [NO_TITLE],
}


class NotTested(UserWarning):
    """Nothing is proven of what is skipped here: pytest sums these up at its end."""


pytestmark = pytest.mark.filterwarnings("always::UserWarning")


@pytest.fixture
def content():
    """Reads a file of the folder; warns where there is none."""

    def found(name):
        if not FOLDER.is_dir():
            reason = "other people's ONIX messages are not beside the checkout: none is tested"
            warnings.warn(reason, NotTested, stacklevel=2)
            pytest.skip(reason)
        return (FOLDER / name).read_bytes()

    return found


def outcome(notice):
    try:
        return notice.edition().sku
    except Refusal as refusal:
        return refusal.reason


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_file_comes_to_what_it_should(content, name):
    file, expected = content(name), OUTCOMES[name]
    if isinstance(expected, str):
        with pytest.raises(FeedError, match=expected):
            list(read(stream(file)))
        return
    notices = list(read(stream(file)))
    outcomes = [outcome(notice) for notice in notices]
    assert len(outcomes) == len(expected)
    assert all(want in found for want, found in zip(expected, outcomes, strict=True)), outcomes
    assert all(isinstance(notice, Replace | Update) and notice.line for notice in notices)


def test_no_file_is_left_out(content):
    content("onixcheck/LICENSE")
    assert {str(file.relative_to(FOLDER)) for file in FOLDER.glob("*/*.xml")} == set(OUTCOMES)


def test_both_tag_sets_of_one_record_come_to_the_same(content):
    [reference] = read(stream(content("jonix/Onix3.1-single-ref.xml")))
    [short] = read(stream(content("jonix/Onix3.1-single-short.xml")))
    assert short.edition() == reference.edition()


# Their made-up numbers are no ISBNs, for which they are refused: with one that is they are read.
def mended(file):
    for number in (b"978123456789<", b"9780000000000<", b"9782707154298<"):
        file = file.replace(number, b"9780000000002<")
    [notice] = read(stream(file))
    return notice.edition()


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
def test_their_prices(content, name, count, cheapest):
    prices = mended(content(f"im_onix/{name}.xml")).prices
    assert len(prices) == count
    price = min(prices, key=lambda price: price.amount)
    assert (price.currency, price.amount, price.type, price.starts, price.ends) == cheapest


def test_their_embargo(content):
    assert mended(content("im_onix/embargo-date.xml")).on_sale == date(2012, 9, 21)
    assert mended(content("im_onix/preorder-embargo-date.xml")).on_sale is None


def test_their_price_that_is_to_be_announced(content):
    [notice] = read(stream(content("im_onix/price_to_be_announced.xml")))
    edition = notice.edition()
    assert (edition.prices, edition.availability) == ((), "40")
    assert edition.published == date(2013, 11, 5)


def test_their_audiobook_and_comic(content):
    assert mended(content("im_onix/audio1.xml")).minutes == 300
    assert mended(content("im_onix/streaming.xml")).pages == 48
