"""Books as templates show them: in words, with their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from babel.numbers import format_decimal
from markupsafe import Markup
from pyramid.request import Request
from stdnum import isbn as isbn_number

from bookshop import clock
from bookshop.catalogue import labels
from bookshop.catalogue.covers.picture import Picture, kept_or_drawn
from bookshop.catalogue.edition import THEMA, Contributor, Edition, Series, Subject
from bookshop.catalogue.pages import urls
from bookshop.catalogue.pricing import Code
from bookshop.catalogue.queries import Detail, Listing
from bookshop.i18n import _
from bookshop.money import Money
from bookshop.services import services

MINUTES_AN_HOUR = 60
COMING = {Code.PREORDER, Code.FORTHCOMING}


@dataclass(frozen=True)
class AvailabilityView:
    """An availability in the reader's language. `release_date` is when a book that is to come is out."""

    code: Code
    label: str
    can_buy: bool
    release_date: date | None


@dataclass(frozen=True)
class Card:
    """A book in a list."""

    sku: str
    title: str
    subtitle: str | None
    byline: str
    format_label: str
    language_label: str
    lang: str
    price: Money | None
    picture: Picture | None
    url: str
    buy_url: str
    availability: AvailabilityView


@dataclass(frozen=True)
class Topic:
    """What a book is about or who made it; `url` leads to the books that share it, if any do."""

    label: str
    url: str | None


@dataclass(frozen=True)
class ContributorView:
    """Somebody who made a book, as what, and a search for their books."""

    name: str
    role: str
    url: str


@dataclass(frozen=True)
class AccessibilityFact:
    """A fact about accessibility; `url` is where its detail leads."""

    label: str
    detail: str | None
    url: str | None


@dataclass(frozen=True)
class BookPage(Card):
    """A book on its own page."""

    series: tuple[Topic, ...]
    contributors: tuple[ContributorView, ...]
    description: Markup
    fixed: bool
    publisher: str | None
    imprint: str | None
    published: date | None
    isbn: str | None
    extent_label: str | None
    subjects: tuple[Topic, ...]
    main_subject: Topic | None
    accessibility: list[tuple[str, list[AccessibilityFact]]]
    other_formats: list[Card]


class Presenter:
    """Puts listings into words and gives them addresses, for one request."""

    def __init__(self, request: Request) -> None:
        self._translate = request.localizer.translate
        self._locale: str = services(request).settings.shop.locale
        # One prefix for all: building each book's address from its resource costs more than
        # rendering it.
        self._prefix: str = request.script_name

    def card(self, listing: Listing) -> Card:
        """A listing as a card."""
        return Card(
            sku=listing.sku,
            title=listing.title,
            subtitle=listing.subtitle,
            byline=listing.byline,
            format_label=self._translate(labels.form(listing.form)),
            language_label=labels.language(listing.language, self._locale),
            lang=labels.language_tag(listing.language),
            price=listing.price,
            picture=self._picture(listing.cover),
            url=urls.book(self._prefix, listing.sku),
            buy_url=f"{self._prefix}/checkout?item={quote(listing.sku, safe='')}",
            availability=self._stand(listing, listing.published),
        )

    def sheet(self, book: Detail, other_formats: list[Listing]) -> BookPage:
        """A book with all that its page shows."""
        edition = book.edition
        main = labels.main_subject(edition.subjects)
        topics = {
            each.code: self._subject(each) for each in edition.subjects if each.scheme == THEMA
        }
        card = vars(self.card(book.listing))
        return BookPage(
            **{**card, "availability": self._stand(book.listing, book.offer.release_date)},
            series=tuple(map(self._series, edition.series)),
            contributors=tuple(map(self._maker, edition.contributors)),
            description=Markup(edition.description),  # noqa: S704 - sanitised at import  # nosec B704
            fixed=book.offer.fixed,
            publisher=edition.publisher or edition.imprint,
            imprint=edition.imprint if edition.publisher else None,
            published=edition.published or edition.on_sale,
            isbn=isbn_number.format(edition.isbn) if edition.isbn else None,
            extent_label=self._extent(edition),
            subjects=tuple(topic for topic in topics.values() if topic),
            main_subject=topics[main.code] if main else None,
            accessibility=[
                (
                    self._translate(heading),
                    [
                        AccessibilityFact(self._translate(each.label), each.detail, each.url)
                        for each in facts
                    ],
                )
                for heading, facts in labels.accessibility(edition.accessibility)
            ],
            other_formats=[self.card(listing) for listing in other_formats],
        )

    def _stand(self, listing: Listing, day: date | None) -> AvailabilityView:
        stand = listing.availability
        coming = stand.code in COMING and day is not None and day > clock.now().date()
        return AvailabilityView(
            stand.code, self._translate(stand.label), stand.can_buy, day if coming else None
        )

    def _picture(self, cover: str | None) -> Picture | None:
        return None if cover is None else kept_or_drawn(cover, urls.covers(self._prefix))

    def _series(self, series: Series) -> Topic:
        number = series.number
        mapping = {"series": series.title, "number": number}
        text = _("${series}, ${number}", mapping=mapping) if number else series.title
        return Topic(self._translate(text), self._list(q=series.title))

    def _maker(self, person: Contributor) -> ContributorView:
        return ContributorView(
            person.name, self._translate(labels.role(person.role)), self._list(q=person.name)
        )

    def _subject(self, subject: Subject) -> Topic | None:
        heading = labels.heading(subject, self._translate)
        if heading is None:
            return None
        # Qualifiers, which begin with a digit, stand beside a subject: none is a list of its own.
        url = self._list(subject=subject.code) if subject.code[:1].isalpha() else None
        return Topic(heading, url)

    def _list(self, **parameters: str) -> str:
        return urls.books(self._prefix, parameters)

    def _extent(self, book: Edition) -> str | None:
        if book.pages:
            return str(
                self._translate(_("${count} pages", mapping={"count": self._number(book.pages)}))
            )
        if book.minutes:
            hours, minutes = divmod(book.minutes, MINUTES_AN_HOUR)
            text = _("${hours} h ${minutes} min", mapping={"hours": hours, "minutes": minutes})
            return str(self._translate(text))
        return None

    def _number(self, count: int) -> str:
        return str(format_decimal(count, locale=self._locale))
