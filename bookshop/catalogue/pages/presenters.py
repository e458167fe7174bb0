"""Presents books for templates: labels in the shop's language, and URLs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from pyramid.request import Request

from bookshop import clock
from bookshop.catalogue import labels, urls
from bookshop.catalogue.covers.drawn import DrawnCover, drawn_cover
from bookshop.catalogue.covers.picture import Picture, cover_picture
from bookshop.catalogue.edition import UNDETERMINED
from bookshop.catalogue.forms import Format
from bookshop.catalogue.terms.availability import AvailabilityCode
from bookshop.catalogue.works.grouping import Work
from bookshop.catalogue.works.listing import Listing
from bookshop.money import Money
from bookshop.services import services

UNRELEASED = {AvailabilityCode.PREORDER, AvailabilityCode.FORTHCOMING}


@dataclass(frozen=True)
class AvailabilityView:
    """An availability with its translated label; `release_date` if the book is not out yet.

    `expected` is the day on which copies are expected while there are none, if it is known.
    """

    code: AvailabilityCode
    label: str
    can_buy: bool
    release_date: date | None
    expected: date | None = None


@dataclass(frozen=True)
class ListingView:
    """A book in a list. `lang` is the BCP 47 tag of its language.

    `language_label` is empty if the language is not known.
    """

    sku: str
    title: str
    subtitle: str | None
    byline: str
    format_label: str
    language_label: str
    lang: str
    drawn_cover: DrawnCover
    price: Money | None
    picture: Picture | None
    url: str
    buy_url: str
    availability: AvailabilityView


@dataclass(frozen=True)
class WorkView(ListingView):
    """A work in a list, with the properties of the edition that represents it.

    `price` is the lowest of its formats; `has_prices` is true if these differ. `format_labels` are
    the different labels of `formats`, `purchasable` the formats that can be bought.
    """

    format_labels: tuple[str, ...]
    purchasable: tuple[ListingView, ...]
    has_prices: bool


class ListingPresenter:
    """Presents books and works in lists, for one request."""

    def __init__(self, request: Request) -> None:
        self._translate = request.localizer.translate
        shop = services(request).settings.shop
        self._locale: str = shop.locale
        self._today = clock.local_day(clock.now(), shop.timezone)
        # Books' URLs are built from this prefix, as building each one from its resource costs more
        # than rendering it.
        self._site: str = request.script_name

    def listing(self, listing: Listing) -> ListingView:
        """Return a book for a list."""
        return ListingView(
            sku=listing.sku,
            title=listing.title,
            subtitle=listing.subtitle,
            byline=listing.byline,
            format_label=self.format_label(listing.form),
            language_label=self._language(listing.language),
            lang=labels.language_tag(listing.language),
            drawn_cover=drawn_cover(listing.work or listing.sku),
            price=listing.price,
            picture=self._picture(listing.cover),
            url=urls.book(self._site, listing.sku),
            buy_url=f"{self._site}/checkout?item={quote(listing.sku, safe='')}",
            availability=self._availability(listing, listing.published),
        )

    def format_label(self, form: str) -> str:
        """Return the translated label of a `forms.form_key`."""
        return str(self._translate(labels.form(form)))

    def work(self, work: Work) -> WorkView:
        """Return a work for a list."""
        formats = [self.listing(edition) for edition in work.formats]
        purchasable = tuple(each for each in formats if each.availability.can_buy)
        view = vars(self.listing(work.listing))
        if purchasable:  # one that is sold out does not hide the others
            view = {**view, "availability": purchasable[0].availability}
        return WorkView(
            **{**view, "price": work.lowest_price},
            format_labels=self._format_labels(work),
            purchasable=purchasable,
            has_prices=len({each.price for each in purchasable}) > 1,
        )

    def _format_labels(self, work: Work) -> tuple[str, ...]:
        if len(work.formats) == 1:
            return (self.format_label(work.listing.form),)
        names = dict.fromkeys(Format(edition.format) for edition in work.formats)
        return tuple(self._translate(labels.FORMATS[name]) for name in names)

    def _availability(
        self, listing: Listing, release_date: date | None, expected: date | None = None
    ) -> AvailabilityView:
        availability = listing.availability
        unreleased = (
            availability.code in UNRELEASED
            and release_date is not None
            and release_date > self._today
        )
        return AvailabilityView(
            availability.code,
            self._translate(availability.label),
            availability.can_buy,
            release_date if unreleased else None,
            expected if availability.code is AvailabilityCode.OUT_OF_STOCK else None,
        )

    def _language(self, code: str) -> str:
        return "" if code == UNDETERMINED else labels.language(code, self._locale)

    def _picture(self, cover: str | None) -> Picture | None:
        return None if cover is None else cover_picture(cover, urls.covers(self._site))
