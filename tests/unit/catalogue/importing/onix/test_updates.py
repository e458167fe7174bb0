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


def record_of(**blocks):
    [parsed] = read(stream(message(record(**blocks))))
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
def test_a_block_changes_only_its_own_fields(known, block):
    content, fields = CHANGES[block]
    changed = update_of(**{block: content}).apply(known)
    before, after = msgspec.structs.asdict(known), msgspec.structs.asdict(changed)
    assert {name for name in before if before[name] != after[name]} == fields


def test_an_update_of_all_blocks_equals_a_complete_record(known):
    blocks = {block: content for block, (content, _) in CHANGES.items()}
    assert update_of(**blocks).apply(known) == record_of(**blocks).edition()


def test_blocks_may_be_updated_one_by_one(known):
    edition = known
    for block, (content, _) in CHANGES.items():
        edition = update_of(**{block: content}).apply(edition)
    assert (
        edition
        == record_of(**{block: content for block, (content, _) in CHANGES.items()}).edition()
    )


def test_an_empty_block_clears_its_fields(known):
    assert update_of(CollateralDetail={}).apply(known).description == ""


def test_an_update_of_another_book_is_refused(known):
    with pytest.raises(RecordError) as refused:
        update_of(isbn=ISBNS[1], CollateralDetail={}).apply(known)
    assert (refused.value.code, refused.value.isbn) == ("sku_changed", ISBNS[1])


def test_an_update_needs_no_identifier(known):
    edition = update_of(isbn=None, CollateralDetail={}).apply(known)
    assert edition.isbn == ISBN


def test_an_update_without_blocks_is_refused(known):
    with pytest.raises(RecordError) as refused:
        update_of().apply(known)
    assert refused.value.code == "empty_update"


def test_a_complete_update_may_add_a_book():
    parsed = record_of(notification="04")
    assert parsed.complete
    assert parsed.edition() == record_of().edition()


@pytest.mark.parametrize("block", ["DescriptiveDetail", "PublishingDetail", "ProductSupply"])
def test_an_update_without_a_required_block_is_incomplete(block):
    assert not record_of(notification="04", **{block: None}).complete


def test_dates_of_the_other_block_remain(known):
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


def test_a_cancelled_book_is_unavailable(known):
    called_off = update_of(PublishingDetail={"PublishingStatus": "01"}).apply(known)
    assert called_off.availability == "01"
    assert update_of(PublishingDetail={"PublishingStatus": "04"}).apply(known).availability == "20"
