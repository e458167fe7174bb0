"""Titles, subtitles and series in DescriptiveDetail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bookshop.catalogue.edition import Series
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text
from bookshop.catalogue.importing.records import RecordError

# List 15 in order of preference: distinctive, undefined, not given, expanded.
TITLE_TYPES = ("01", "00", "", "13")
# List 149
PRODUCT_LEVEL = "01"
COLLECTION_LEVELS = ("02", "03", "06", "07")


@dataclass(frozen=True, slots=True)
class Titles:
    """The title, by which other text it sorts, if any, and the series that it names."""

    title: str
    sort_title: str | None
    subtitle: str | None
    series: tuple[Series, ...]


def map_titles(block: Composite) -> Titles:
    """Return the titles of a product. Raises RecordError if it has none."""
    details = composites(block, "TitleDetail")
    if details:
        detail = min(details, key=lambda each: _preference(first_text(each, "TitleType")))
        elements = composites(detail, "TitleElement")
        levels = [(first_text(element, "TitleElementLevel"), element) for element in elements]
        own = next((element for level, element in levels if level in {PRODUCT_LEVEL, ""}), {})
        own_number = first_text(own, "PartNumber")
        collections = [
            (name, first_text(element, "PartNumber") or own_number)
            for level, element in levels
            if level in COLLECTION_LEVELS and (name := _title(element))
        ]
        # A volume without its own title is named after the collection and its number.
        volume = ", ".join(part for part in (collections[-1] if collections else ()) if part)
        any_title = next((name for _level, element in levels if (name := _title(element))), "")
        title = _title(own) or volume or any_title
        if title:
            series = tuple(Series(name, number or None) for name, number in collections)
            subtitle = first_text(own, "Subtitle") or None
            return Titles(title, _sort_title(own, title), subtitle, series)
    raise RecordError("missing_title", "The record has no title: add a TitleDetail of type 01.")


def series_of_collections(block: Composite) -> Iterator[Series]:
    """Yield the series of the Collection composites."""
    for collection in composites(block, "Collection"):
        elements = [
            element
            for detail in composites(collection, "TitleDetail")
            for element in composites(detail, "TitleElement")
        ]
        named = [
            (name, first_text(element, "PartNumber"))
            for element in elements
            if first_text(element, "TitleElementLevel") != PRODUCT_LEVEL
            and (name := _title(element))
        ]
        if named:
            # Of a series and its sub-series, the last one is the one that contains the book.
            name, number = named[-1]
            yield Series(name, number or _number(collection, elements) or None)


def _number(collection: Composite, elements: list[Composite]) -> str:
    """Return the part number of any title element, otherwise the collection's sequence number."""
    numbers = (first_text(element, "PartNumber") for element in elements)
    sequences = composites(collection, "CollectionSequence")
    return next(
        filter(None, numbers),
        next((first_text(each, "CollectionSequenceNumber") for each in sequences), ""),
    )


def _title(element: Composite) -> str:
    """Return a title, joined with its prefix; empty if the element has none."""
    title = first_text(element, "TitleText")
    if title:
        return title
    prefix = first_text(element, "TitlePrefix")
    main = first_text(element, "TitleWithoutPrefix")
    if not main:
        return ""
    elided = prefix.endswith(("'", "\N{RIGHT SINGLE QUOTATION MARK}"))
    return f"{prefix}{main}" if elided or not prefix else f"{prefix} {main}"


def _sort_title(element: Composite, title: str) -> str | None:
    """Return the sender's sorting key, or the title without its prefix; None if that is all."""
    for name in ("TitleText", "TitleWithoutPrefix"):
        for part in element.get(name, ()):
            if key := " ".join(part.get("collationkey", "").split()):
                return key
    main = first_text(element, "TitleWithoutPrefix")
    return main if main and main != title else None


def _preference(title_type: str) -> int:
    return TITLE_TYPES.index(title_type) if title_type in TITLE_TYPES else len(TITLE_TYPES)
