"""Lists as templates show them: what they are called, and the links that lead to other lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from babel.numbers import format_decimal
from pyramid.request import Request

from bookshop.catalogue import labels
from bookshop.catalogue.forms import Format
from bookshop.catalogue.pages import urls
from bookshop.catalogue.search.cursor import Cursor
from bookshop.catalogue.search.facets import Facet
from bookshop.catalogue.search.query import AVAILABILITIES, FILTERS, Query, Sort, default_sort
from bookshop.catalogue.search.service import Results
from bookshop.i18n import _
from bookshop.money import format_units
from bookshop.services import services

SHOWN = 10  # options of a group; the others are folded away
HEADINGS = {
    "subject": _("Subject"),
    "format": _("Format"),
    "language": _("Language"),
    "availability": _("Availability"),
    "price": _("Price"),
}
FORMATS = {
    Format.HARDBACK: _("Hardback"),
    Format.PAPERBACK: _("Paperback"),
    Format.EBOOK: _("E-book"),
    Format.AUDIOBOOK: _("Audiobook"),
    Format.OTHER: _("Other formats"),
}
SOLD = {"available": _("In stock"), "preorder": _("Pre-order")}
SORTS = {
    Sort.RELEVANCE: _("Best match"),
    Sort.TITLE: _("Title"),
    Sort.NEWEST: _("Newest"),
    Sort.PRICE: _("Price, lowest first"),
    Sort.DEAREST: _("Price, highest first"),
}


@dataclass(frozen=True)
class Link:
    """A link; `current` where it is what the page shows already."""

    label: str
    url: str
    current: bool = False


@dataclass(frozen=True)
class Option:
    """Something that a list can be narrowed to, and in words how many books that leaves."""

    label: str
    url: str
    count: str
    chosen: bool


@dataclass(frozen=True)
class Options:
    """The options of one kind; `more` of them are folded away."""

    name: str
    heading: str
    shown: list[Option]
    more: list[Option]


class ListPresenter:
    """Puts one query and the lists beside it into words, for one request.

    `bands` are the names of the shop's bands of prices, from the lowest up.
    """

    def __init__(self, request: Request, query: Query, bands: tuple[str, ...]) -> None:
        shop = services(request).settings.shop
        self._translate = request.localizer.translate
        self._locale: str = shop.locale
        self._currency: str = shop.currency
        self._bands = bands
        self._site: str = request.script_name
        self._query = query

    def title(self) -> str:
        """What the list is: All books; or Poetry: Paperback, under £10."""
        query = self._query
        if query.q:
            name = self._translate(_("Search for “${words}”", mapping={"words": query.q}))
        else:
            name = self._label("subject", query.subject) if query.subject else ""
            name = name or self._translate(_("All books"))
        rest = [
            self._label(each, value)
            for each, value in query.filters.items()
            if query.q or each != "subject"
        ]
        return f"{name}: {', '.join(rest)}" if rest else str(name)

    def number(self, count: int) -> str:
        """A number as the shop's language writes it."""
        return str(format_decimal(count, locale=self._locale))

    def way(self) -> list[Link]:
        """The subjects above the list's, from the widest down to its own."""
        path = labels.subject_path(self._query.subject) if self._query.subject else ()
        return [
            Link(self._translate(label), self._url(Query(subject=code))) for code, label in path
        ]

    def chosen(self) -> list[Link]:
        """What the list is narrowed by; the links lead to the list without."""
        return [
            Link(self._label(name, value), self._url(self._query.with_(**{name: None})))
            for name, value in self._query.filters.items()
        ]

    def cleared(self) -> str:
        """The list without anything that narrows it."""
        return self._url(self._query.with_(**dict.fromkeys(FILTERS)))

    def options(self, facets: dict[str, list[Facet]]) -> list[Options]:
        """What the list can be narrowed to. A single option that changes nothing is left out."""
        found = []
        for name, heading in HEADINGS.items():
            options = [self._option(name, facet) for facet in self._ordered(name, facets[name])]
            if len(options) > 1 or (options and name == "subject"):
                shown, more = options[:SHOWN], options[SHOWN:]
                found.append(Options(name, self._translate(heading), shown, more))
        return found

    def sorts(self) -> list[Link]:
        """The orders that the list may have."""
        fits = default_sort(self._query.q)
        return [
            Link(
                self._translate(label),
                self._url(self._query.with_(sort=sort)),
                current=sort is self._query.sort,
            )
            for sort, label in SORTS.items()
            if sort is not Sort.RELEVANCE or fits is Sort.RELEVANCE
        ]

    def pages(self, results: Results) -> dict[str, str | None]:
        """The pages beside this one, under `previous` and `next`."""
        return {"previous": self._page(results.previous), "next": self._page(results.next)}

    def _page(self, cursor: Cursor | None) -> str | None:
        return None if cursor is None else self._url(self._query, page=str(cursor))

    def _url(self, query: Query, **more: str) -> str:
        return urls.books(self._site, {**query.parameters(), **more})

    def _option(self, name: str, facet: Facet) -> Option:
        query = self._query.with_(**{name: None if facet.chosen else facet.value})
        label = self._label(name, facet.value)
        return Option(label, self._url(query), self.number(facet.count), facet.chosen)

    def _ordered(self, name: str, facets: Iterable[Facet]) -> list[Facet]:
        """In the order of their kind, or else, as they come, the most frequent first."""
        if name == "subject":
            # A heading of our own is what a customer can read; what has none is left out.
            return [each for each in facets if _known(each.value)]
        kinds: dict[str, tuple[str, ...]] = {
            "format": tuple(Format),
            "availability": AVAILABILITIES,
            "price": self._bands,
        }
        order = kinds.get(name)
        return sorted(facets, key=lambda each: order.index(each.value)) if order else list(facets)

    def _label(self, name: str, value: str) -> str:
        if name == "language":
            return labels.language(value, self._locale)
        if name == "price":
            return self._band(value)
        if name == "subject":
            return str(self._translate(labels.subject(value) or value))
        texts: dict[Any, Any] = FORMATS if name == "format" else SOLD
        return str(self._translate(texts[value]))

    def _band(self, name: str) -> str:
        low, _dash, high = name.partition("-")
        if not high:
            text = _("${price} and more", mapping={"price": self._amount(low)})
        elif low == "0":
            text = _("Under ${price}", mapping={"price": self._amount(high)})
        else:
            mapping = {"low": self._amount(low), "high": self._amount(high)}
            text = _("${low} to ${high}", mapping=mapping)
        return str(self._translate(text))

    def _amount(self, units: str) -> str:
        return format_units(int(units), self._currency, self._locale)


def _known(subject: str) -> bool:
    path = labels.subject_path(subject)
    return bool(path) and path[-1][0] == subject
