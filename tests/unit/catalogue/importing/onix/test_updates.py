"""Notification 04: the blocks that are there replace theirs, the others stay."""

from datetime import date

import msgspec
import pytest

from bookshop.catalogue.importing.onix import read
from bookshop.catalogue.importing.records import RecordError, UpdateRecord
from tests.unit.catalogue.importing.onix_files import (
    ISBN,
    ISBNS,
    descriptive,
    message,
    price,
    record,
    stream,
    supply,
)

ONLY_NAMES = {"DescriptiveDetail": None, "PublishingDetail": None, "ProductSupply": None}
CHANGES = {
    "DescriptiveDetail": (
        descriptive("Stone", ProductForm="BB"),
        {"title", "form"},
    ),
    "CollateralDetail": (
        {"TextContent": {"TextType": "03", "Text": "Hard."}},
        {"description"},
    ),
    "PublishingDetail": (
        {
            "Imprint": {"ImprintName": "Fern"},
            "PublishingDate": {"PublishingDateRole": "01", "Date": "20260807"},
        },
        {"publisher", "imprint", "published"},
    ),
    "RelatedMaterial": (
        {
            "RelatedProduct": {
                "ProductRelationCode": "06",
                "ProductIdentifier": {"ProductIDType": "15", "IDValue": ISBNS[1]},
            }
        },
        {"related", "work"},
    ),
    "ProductSupply": (supply(price("9.99"), availability="31"), {"prices", "availability"}),
}


def record_of(**told):
    [parsed] = read(stream(message(record(**told))))
    return parsed


def update_of(**blocks):
    parsed = record_of(notification="04", **(ONLY_NAMES | blocks))
    assert isinstance(parsed, UpdateRecord)
    return parsed


@pytest.fixture
def known():
    return record_of(
        CollateralDetail={"TextContent": {"TextType": "03", "Text": "Green."}}
    ).edition()


@pytest.mark.parametrize("block", CHANGES)
def test_a_block_changes_its_own_fields_and_no_others(known, block):
    content, fields = CHANGES[block]
    changed = update_of(**{block: content}).apply(known)
    before, after = msgspec.structs.asdict(known), msgspec.structs.asdict(changed)
    assert {name for name in before if before[name] != after[name]} == fields


def test_all_blocks_come_to_the_record_that_has_them_all(known):
    blocks = {block: content for block, (content, _) in CHANGES.items()}
    assert update_of(**blocks).apply(known) == record_of(**blocks).edition()


def test_blocks_may_come_one_after_the_other(known):
    edition = known
    for block, (content, _) in CHANGES.items():
        edition = update_of(**{block: content}).apply(edition)
    assert (
        edition
        == record_of(**{block: content for block, (content, _) in CHANGES.items()}).edition()
    )


def test_an_empty_block_takes_away_what_was_there(known):
    assert update_of(CollateralDetail={}).apply(known).description == ""


def test_an_update_of_another_book_is_refused(known):
    with pytest.raises(RecordError) as refused:
        update_of(isbn=ISBNS[1], CollateralDetail={}).apply(known)
    assert (refused.value.code, refused.value.isbn) == ("sku_changed", ISBNS[1])


def test_an_update_need_not_name_the_book_again(known):
    edition = update_of(isbn=None, CollateralDetail={}).apply(known)
    assert edition.isbn == ISBN


def test_an_update_of_nothing_is_refused(known):
    with pytest.raises(RecordError) as refused:
        update_of().apply(known)
    assert refused.value.code == "empty_update"


def test_an_update_that_has_all_that_matters_may_be_a_new_book():
    parsed = record_of(notification="04")
    assert parsed.complete
    assert parsed.edition() == record_of().edition()


@pytest.mark.parametrize("block", ["DescriptiveDetail", "PublishingDetail", "ProductSupply"])
def test_an_update_that_lacks_what_matters_is_not_complete(block):
    assert not record_of(notification="04", **{block: None}).complete


def test_days_that_the_other_block_told_stay(known):
    embargoed = update_of(
        ProductSupply={
            "MarketPublishingDetail": {"MarketDate": {"MarketDateRole": "02", "Date": "20260901"}}
        }
        | supply(price())
    ).apply(known)
    assert embargoed.on_sale == date(2026, 9, 1)
    published = update_of(PublishingDetail=CHANGES["PublishingDetail"][0]).apply(embargoed)
    assert (published.on_sale, published.published) == (date(2026, 9, 1), date(2026, 8, 7))
    priced = update_of(ProductSupply=supply(price("9.99"))).apply(published)
    assert (priced.on_sale, priced.published) == (date(2026, 9, 1), date(2026, 8, 7))


def test_a_book_that_is_called_off_is_not_to_be_had(known):
    called_off = update_of(PublishingDetail={"PublishingStatus": "01"}).apply(known)
    assert called_off.availability == "01"
    assert update_of(PublishingDetail={"PublishingStatus": "04"}).apply(known).availability == "20"
