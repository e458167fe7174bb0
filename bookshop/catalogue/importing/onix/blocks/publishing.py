"""Block 4 of a record, PublishingDetail: publisher, publication date and publishing status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bookshop.catalogue.edition import Restriction
from bookshop.catalogue.importing.onix.blocks.dates import dated_roles, parse_date, require_date
from bookshop.catalogue.importing.onix.blocks.sales_rights import publisher_restrictions
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text

# List 163
PUBLICATION = "01"
EMBARGO = "02"
PUBLISHER = "01"  # List 45
# Publishing statuses (lists 64 and 68) as availabilities (list 65). These end sales, whatever a
# supplier states: cancelled, withdrawn, not in this market, not sold separately, recalled.
NOT_SOLD = {
    "01": "01",
    "11": "46",
    "12": "52",
    "13": "45",
    "15": "49",
    "16": "34",
    "17": "46",
}
# The others apply where no supplier states an availability.
AVAILABILITY_BY_STATUS = {
    "02": "10",
    "03": "09",
    "04": "20",
    "05": "43",
    "06": "31",
    "07": "51",
    "08": "40",
    "10": "47",
    "14": "20",
    "18": "50",
}


@dataclass(frozen=True, slots=True)
class Publishing:
    """The content of the block. `status` is of list 64, empty if it is not given."""

    publisher: str | None
    imprint: str | None
    published: date | None
    embargo: date | None
    status: str
    restrictions: tuple[Restriction, ...]


def map_publishing(block: Composite) -> Publishing:
    """Read the block. Raises RecordError for an embargo date that cannot be parsed."""
    publishers = composites(block, "Publisher")
    publishers.sort(key=lambda publisher: first_text(publisher, "PublishingRole") != PUBLISHER)
    names = (first_text(publisher, "PublisherName") for publisher in publishers)
    imprints = (first_text(imprint, "ImprintName") for imprint in composites(block, "Imprint"))
    dates = dated_roles(block, "PublishingDate", "PublishingDateRole")
    return Publishing(
        publisher=next(filter(None, names), None),
        imprint=next(filter(None, imprints), None),
        published=publication_date(dates),
        embargo=embargo_date(dates),
        status=first_text(block, "PublishingStatus"),
        restrictions=tuple(publisher_restrictions(block)),
    )


def publication_date(dates: list[tuple[str, str]]) -> date | None:
    """Return the earliest publication date; dates that cannot be parsed are ignored."""
    days = [day for role, value in dates if role == PUBLICATION and (day := parse_date(value))]
    return min(days, default=None)


def embargo_date(dates: list[tuple[str, str]]) -> date | None:
    """Return the latest embargo date. Raises RecordError if one cannot be parsed."""
    days = [require_date(value, "The embargo date") for role, value in dates if role == EMBARGO]
    return max(days, default=None)
