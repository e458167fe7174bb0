"""Presents a book for its own page: all that is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from babel.numbers import format_decimal
from markupsafe import Markup
from stdnum import isbn as isbn_number

from bookshop.catalogue import labels, urls
from bookshop.catalogue.edition import THEMA, Contributor, Edition, Series, Subject
from bookshop.catalogue.pages.presenters import ListingPresenter, ListingView
from bookshop.catalogue.queries import BookDetail
from bookshop.catalogue.works.grouping import sort_formats
from bookshop.catalogue.works.listing import Listing
from bookshop.i18n import _

MINUTES_PER_HOUR = 60


@dataclass(frozen=True)
class Topic:
    """A series or subject of a book; `url` is the list of its books, if there is one."""

    label: str
    url: str | None


@dataclass(frozen=True)
class ContributorView:
    """A contributor with a translated role; `url` searches for their books."""

    name: str
    role: str
    url: str


@dataclass(frozen=True)
class AccessibilityFact:
    """A translated fact about accessibility; `url` is where `detail` links to, if anywhere."""

    label: str
    detail: str | None
    url: str | None


@dataclass(frozen=True)
class BookPage(ListingView):
    """A book on its own page. `fixed` is true if its price is fixed by law.

    `formats` are those of the work, the book's own included.
    """

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
    formats: list[ListingView]


class BookPresenter(ListingPresenter):
    """Presents a book for its own page, for one request."""

    def book_page(self, detail: BookDetail, other_formats: list[Listing]) -> BookPage:
        """Return a book for its own page."""
        edition = detail.edition
        main_subject = labels.main_subject(edition.subjects)
        topics = {
            each.code: self._subject(each) for each in edition.subjects if each.scheme == THEMA
        }
        offer = detail.offer
        availability = self._availability(detail.listing, offer.release_date, offer.expected)
        return BookPage(
            **{**vars(self.listing(detail.listing)), "availability": availability},
            series=tuple(map(self._series, edition.series)),
            contributors=tuple(map(self._contributor, edition.contributors)),
            description=Markup(edition.description),  # noqa: S704 - sanitised at import  # nosec B704
            fixed=detail.offer.fixed,
            publisher=edition.publisher or edition.imprint,
            imprint=edition.imprint if edition.publisher else None,
            published=edition.published or edition.on_sale,
            isbn=isbn_number.format(edition.isbn) if edition.isbn else None,
            extent_label=self._extent(edition),
            subjects=tuple(topic for topic in topics.values() if topic),
            main_subject=topics[main_subject.code] if main_subject else None,
            accessibility=self._accessibility(edition),
            formats=[self.listing(each) for each in sort_formats((detail.listing, *other_formats))],
        )

    def _series(self, series: Series) -> Topic:
        mapping = {"series": series.title, "number": series.number}
        text = _("${series}, ${number}", mapping=mapping) if series.number else series.title
        return Topic(self._translate(text), self._list_url(q=series.title))

    def _contributor(self, person: Contributor) -> ContributorView:
        role = self._translate(labels.role(person.role))
        return ContributorView(person.name, role, self._list_url(q=person.name))

    def _subject(self, subject: Subject) -> Topic | None:
        heading = labels.heading(subject, self._translate)
        if heading is None:
            return None
        # Thema qualifiers start with a digit and refine other subjects: they have no list.
        is_qualifier = not subject.code[:1].isalpha()
        return Topic(heading, None if is_qualifier else self._list_url(subject=subject.code))

    def _accessibility(self, edition: Edition) -> list[tuple[str, list[AccessibilityFact]]]:
        return [
            (
                self._translate(heading),
                [
                    AccessibilityFact(self._translate(fact.label), fact.detail, fact.url)
                    for fact in facts
                ],
            )
            for heading, facts in labels.accessibility(edition.accessibility)
        ]

    def _list_url(self, **parameters: str) -> str:
        return urls.books(self._site, parameters)

    def _extent(self, edition: Edition) -> str | None:
        """Return the number of pages or the running time."""
        if edition.pages:
            count = format_decimal(edition.pages, locale=self._locale)
            return str(self._translate(_("${count} pages", mapping={"count": count})))
        if edition.minutes:
            hours, minutes = divmod(edition.minutes, MINUTES_PER_HOUR)
            text = _("${hours} h ${minutes} min", mapping={"hours": hours, "minutes": minutes})
            return str(self._translate(text))
        return None
