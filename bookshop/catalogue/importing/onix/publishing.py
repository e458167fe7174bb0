"""Block 4 of a record, PublishingDetail: by whom it is published, when, and whether at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bookshop.catalogue.importing.onix.dates import binding, dates, day
from bookshop.catalogue.importing.onix.tags import Parts, first, within

# List 163
PUBLICATION = "01"
EMBARGO = "02"
PUBLISHER = "01"  # List 45
# Lists 64 and 68, in terms of list 65. What a publisher calls off nobody sells;
CALLED_OFF = {"01": "01", "11": "46", "15": "49", "16": "34", "17": "46"}
# the rest is told where no supplier says better.
STATUSES = {
    "02": "10",
    "03": "09",
    "04": "20",
    "05": "43",
    "06": "31",
    "07": "51",
    "08": "40",
    "10": "47",
    "13": "45",
    "14": "20",
    "18": "50",
} | CALLED_OFF


@dataclass(frozen=True, slots=True)
class Publishing:
    """What the block tells; `status` is of list 64."""

    publisher: str | None
    imprint: str | None
    published: date | None
    embargo: date | None
    status: str


def publishing(block: Parts) -> Publishing:
    """Reads the block. Raises Refusal for an embargo that cannot be read."""
    publishers = within(block, "Publisher")
    publishers.sort(key=lambda found: first(found, "PublishingRole") != PUBLISHER)
    imprints = (first(found, "ImprintName") for found in within(block, "Imprint"))
    told = dates(block, "PublishingDate", "PublishingDateRole")
    return Publishing(
        publisher=next(filter(None, (first(found, "PublisherName") for found in publishers)), None),
        imprint=next(filter(None, imprints), None),
        published=publication(told),
        embargo=embargo(told),
        status=first(block, "PublishingStatus"),
    )


def publication(told: list[tuple[str, str]]) -> date | None:
    """The first publication date among roles and dates; nobody knows it where it is unreadable."""
    days = [found for role, written in told if role == PUBLICATION and (found := day(written))]
    return min(days, default=None)


def embargo(told: list[tuple[str, str]]) -> date | None:
    """The last of the days before which it must not be sold. Raises Refusal."""
    days = [binding(written, "The embargo date") for role, written in told if role == EMBARGO]
    return max(days, default=None)
