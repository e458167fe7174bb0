"""Presents a list for its template: title, breadcrumb, facets, sort orders and pagination."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from babel.numbers import format_decimal
from pyramid.request import Request

from bookshop.catalogue import labels, urls
from bookshop.catalogue.forms import Format
from bookshop.catalogue.search.cursor import Cursor
from bookshop.catalogue.search.facets import Facet
from bookshop.catalogue.search.query import AVAILABILITIES, FILTERS, Query, Sort, default_sort
from bookshop.catalogue.search.service import Results
from bookshop.i18n import _
from bookshop.money import format_units
from bookshop.services import services

VISIBLE_OPTIONS = 10  # of a facet; the others are collapsed
HEADINGS = {
    "subject": _("Subject"),
    "format": _("Format"),
    "language": _("Language"),
    "availability": _("Availability"),
    "price": _("Price"),
}
AVAILABILITY_LABELS = {"available": _("In stock"), "preorder": _("Pre-order")}
SORT_LABELS = {
    Sort.RELEVANCE: _("Best match"),
    Sort.TITLE: _("Title"),
    Sort.NEWEST: _("Newest"),
    Sort.PRICE: _("Price, low to high"),
    Sort.PRICE_DESCENDING: _("Price, high to low"),
}


@dataclass(frozen=True)
class Link:
    """A link; `name` identifies it to tests and styles, `current` if it is the page's own state."""

    name: str
    label: str
    url: str
    current: bool = False


@dataclass(frozen=True)
class FacetOption:
    """A value to filter by, with a formatted count; the URL of a `selected` one removes it."""

    value: str
    label: str
    url: str
    count: str
    selected: bool


@dataclass(frozen=True)
class FacetView:
    """A facet with its options; those in `more` are collapsed."""

    name: str
    heading: str
    options: list[FacetOption]
    more: list[FacetOption]


class ListPresenter:
    """Presents the list of one query, for one request.

    `price_bands` are the names of the shop's price bands, the lowest first.
    """

    def __init__(self, request: Request, query: Query, price_bands: tuple[str, ...]) -> None:
        shop = services(request).settings.shop
        self._translate = request.localizer.translate
        self._locale: str = shop.locale
        self._currency: str = shop.currency
        self._price_bands = price_bands
        self._site: str = request.script_name
        self._query = query

    def title(self) -> str:
        """Return the list's title: "All books", or "Poetry: Paperback, under £10"."""
        query = self._query
        if query.q:
            name = self._translate(_("Search results for “${words}”", mapping={"words": query.q}))
        else:
            name = self._label("subject", query.subject) if query.subject else ""
            name = name or self._translate(_("All books"))
        filters = [
            self._label(facet, value)
            for facet, value in query.filters.items()
            if query.q or facet != "subject"
        ]
        return f"{name}: {', '.join(filters)}" if filters else str(name)

    def number(self, count: int) -> str:
        """Return a number formatted in the shop's locale."""
        return str(format_decimal(count, locale=self._locale))

    def breadcrumb(self) -> list[Link]:
        """Return links to the query's subject and its ancestors, the broadest first."""
        path = labels.subject_path(self._query.subject) if self._query.subject else ()
        return [
            Link(code, self._translate(label), self._url(Query(subject=code)))
            for code, label in path
        ]

    def active_filters(self) -> list[Link]:
        """Return the query's filters; each link leads to the list without that filter."""
        return [
            Link(name, self._label(name, value), self._url(self._query.with_(**{name: None})))
            for name, value in self._query.filters.items()
        ]

    def unfiltered_url(self) -> str:
        """Return the URL of the list without filters."""
        return self._url(self._query.with_(**dict.fromkeys(FILTERS)))

    def facets(self, facets: dict[str, list[Facet]]) -> list[FacetView]:
        """Return the facets by which the list can be filtered.

        A facet with a single option is left out, as it would change nothing; except a subject.
        """
        views = []
        for name, heading in HEADINGS.items():
            options = [self._option(name, facet) for facet in self._ordered(name, facets[name])]
            if len(options) > 1 or (options and name == "subject"):
                visible, more = options[:VISIBLE_OPTIONS], options[VISIBLE_OPTIONS:]
                views.append(FacetView(name, self._translate(heading), visible, more))
        return views

    def sort_links(self) -> list[Link]:
        """Return links to the list in each sort order; relevance for searches alone."""
        is_search = default_sort(self._query.q) is Sort.RELEVANCE
        return [
            Link(
                sort.value,
                self._translate(label),
                self._url(self._query.with_(sort=sort)),
                current=sort is self._query.sort,
            )
            for sort, label in SORT_LABELS.items()
            if sort is not Sort.RELEVANCE or is_search
        ]

    def pagination(self, results: Results) -> dict[str, str | None]:
        """Return the URLs of the pages before and after this one: `previous` and `next`."""
        return {"previous": self._page(results.previous), "next": self._page(results.next)}

    def _page(self, cursor: Cursor | None) -> str | None:
        return None if cursor is None else self._url(self._query, page=str(cursor))

    def _url(self, query: Query, **more: str) -> str:
        return urls.books(self._site, {**query.parameters(), **more})

    def _option(self, name: str, facet: Facet) -> FacetOption:
        query = self._query.with_(**{name: None if facet.selected else facet.value})
        label = self._label(name, facet.value)
        count = self.number(facet.count)
        return FacetOption(facet.value, label, self._url(query), count, facet.selected)

    def _ordered(self, name: str, facets: Iterable[Facet]) -> list[Facet]:
        """Return the facet's values in their natural order, or else the most frequent first."""
        if name == "subject":
            # Subjects without a label of their own mean nothing to a customer.
            return [facet for facet in facets if _has_label(facet.value)]
        natural_orders: dict[str, tuple[str, ...]] = {
            "format": tuple(Format),
            "availability": AVAILABILITIES,
            "price": self._price_bands,
        }
        order = natural_orders.get(name)
        return sorted(facets, key=lambda facet: order.index(facet.value)) if order else list(facets)

    def _label(self, name: str, value: str) -> str:
        if name == "language":
            return labels.language(value, self._locale)
        if name == "price":
            return self._price_band_label(value)
        if name == "subject":
            return str(self._translate(labels.subject(value) or value))
        if name == "format":
            return str(self._translate(labels.FORMATS[Format(value)]))
        return str(self._translate(AVAILABILITY_LABELS[value]))

    def _price_band_label(self, name: str) -> str:
        low, _dash, high = name.partition("-")
        if not high:
            text = _("${price} and over", mapping={"price": self._amount(low)})
        elif low == "0":
            text = _("Under ${price}", mapping={"price": self._amount(high)})
        else:
            mapping = {"low": self._amount(low), "high": self._amount(high)}
            text = _("${low} to ${high}", mapping=mapping)
        return str(self._translate(text))

    def _amount(self, units: str) -> str:
        return format_units(int(units), self._currency, self._locale)


def _has_label(subject: str) -> bool:
    path = labels.subject_path(subject)
    return bool(path) and path[-1][0] == subject
