"""Books as templates show them: in words, with their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from markupsafe import Markup
from pyramid.request import Request
from stdnum import isbn as isbn_number

from bookshop.catalogue import words
from bookshop.catalogue.edition import Edition
from bookshop.catalogue.offer import Code
from bookshop.catalogue.shelf import Detail, Listing
from bookshop.money import Money
from bookshop.translation import _

MINUTES_AN_HOUR = 60


@dataclass(frozen=True)
class Stand:
    """An availability in the reader's language."""

    code: Code
    label: str
    can_buy: bool


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
    cover_url: str | None
    url: str
    buy_url: str
    availability: Stand


@dataclass(frozen=True)
class Sheet(Card):
    """A book on its own page."""

    contributors: tuple[tuple[str, str], ...]
    description: Markup
    publisher: str | None
    published: date | None
    isbn: str | None
    extent_label: str | None
    subjects: tuple[str, ...]
    other_formats: list[Card]


class Presenter:
    """Puts listings into words and gives them addresses, for one request."""

    def __init__(self, request: Request) -> None:
        self._translate = request.localizer.translate
        self._locale: str = request.registry.bookshop.shop.locale
        # One prefix for all: building each book's address from its resource costs more than
        # rendering it.
        self._prefix: str = request.script_name

    def card(self, listing: Listing) -> Card:
        """A listing as a card."""
        stand = listing.availability
        return Card(
            sku=listing.sku,
            title=listing.title,
            subtitle=listing.subtitle,
            byline=listing.byline,
            format_label=self._translate(words.form(listing.form)),
            language_label=words.language(listing.language, self._locale),
            lang=words.language_tag(listing.language),
            price=listing.price,
            cover_url=listing.cover and f"{self._prefix}/covers/{listing.cover}",
            url=f"{self._prefix}/books/{listing.sku}",
            buy_url=f"{self._prefix}/checkout?item={listing.sku}",
            availability=Stand(stand.code, self._translate(stand.label), stand.can_buy),
        )

    def sheet(self, book: Detail, other_formats: list[Listing]) -> Sheet:
        """A book with all that its page shows."""
        edition = book.edition
        return Sheet(
            **vars(self.card(book.listing)),
            contributors=tuple(
                (person.name, self._translate(words.role(person.role)))
                for person in edition.contributors
            ),
            description=Markup(edition.description),  # noqa: S704 - sanitised when it was imported
            publisher=edition.publisher,
            published=edition.published,
            isbn=isbn_number.format(edition.isbn) if edition.isbn else None,
            extent_label=self._extent(edition),
            subjects=tuple(subject.heading or subject.code for subject in edition.subjects),
            other_formats=[self.card(listing) for listing in other_formats],
        )

    def _extent(self, book: Edition) -> str | None:
        if book.pages:
            return str(self._translate(_("${count} pages", mapping={"count": book.pages})))
        if book.minutes:
            hours, minutes = divmod(book.minutes, MINUTES_AN_HOUR)
            text = _("${hours} h ${minutes} min", mapping={"hours": hours, "minutes": minutes})
            return str(self._translate(text))
        return None
