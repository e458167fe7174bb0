"""Metadata in the head of a page, for search engines and for sites that preview links."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pyramid.request import Request

from bookshop.catalogue import labels, urls
from bookshop.catalogue.covers.picture import stored_picture
from bookshop.catalogue.edition import AUTHOR
from bookshop.catalogue.queries import BookDetail
from bookshop.catalogue.search.query import Query
from bookshop.catalogue.seo import json_ld
from bookshop.catalogue.seo.plain_text import shorten, to_plain_text
from bookshop.catalogue.works.listing import Listing
from bookshop.i18n import Translate, _
from bookshop.services import services
from bookshop.settings import ShopSettings

PREVIEW = "preview.png"  # 1200 by 630 pixels; a theme may have its own
Property = tuple[str, str | None]


@dataclass(frozen=True)
class PageMetadata:
    """The metadata that `catalogue/_head.jinja2` renders.

    `properties` are names and values of Open Graph (https://ogp.me), in the order of the page.
    `feed` is the URL of the Atom feed, `json_ld` structured data, escaped for a script element.
    """

    canonical: str
    description: str | None
    properties: tuple[tuple[str, str], ...]
    feed: str
    json_ld: Markup | None


def index(request: Request) -> PageMetadata:
    """Return the metadata of the index, with the shop's own description."""
    shop = services(request).settings.shop
    properties: list[Property] = [("og:type", "website"), ("og:title", shop.name)]
    properties.append(("og:image", _preview(request)))
    data = json_ld.script(json_ld.web_site(shop), json_ld.book_store(shop))
    return _metadata(shop, urls.home(shop.url), properties, shop.description or shop.tagline, data)


def book_list(
    request: Request, query: Query, title: str, cursor: str | None = None
) -> PageMetadata:
    """Return the metadata of a list; its canonical URL has no sort order."""
    shop = services(request).settings.shop
    parameters = query.parameters()
    parameters.pop("sort", None)
    if cursor:
        parameters["page"] = cursor
    properties: list[Property] = [("og:type", "website"), ("og:title", title)]
    return _metadata(shop, urls.books(shop.url, parameters), properties)


def book(request: Request, detail: BookDetail, other_formats: Iterable[Listing]) -> PageMetadata:
    """Return the metadata of a book's page."""
    shop, edition = services(request).settings.shop, detail.edition
    translate = request.localizer.translate
    cover = stored_picture(detail.listing.cover or "", urls.covers(shop.url))
    cover_alt = translate(_("Cover of ${title}", mapping={"title": edition.title}))
    properties: list[Property] = [
        ("og:type", "book"),
        ("og:title", f"{edition.title}, {edition.byline}" if edition.byline else edition.title),
        # Sites that preview links show no vector images.
        ("og:image", cover.src if cover else _preview(request)),
        ("og:image:alt", cover_alt if cover else None),
        ("book:isbn", edition.isbn),
        ("book:release_date", edition.published.isoformat() if edition.published else None),
    ]
    authors = [person.name for person in edition.contributors if person.role == AUTHOR]
    properties += [("book:author", name) for name in authors]
    data = json_ld.script(
        json_ld.book(shop, detail, other_formats, translate),
        json_ld.breadcrumb_list(_breadcrumb(shop, detail, translate)),
    )
    description = shorten(to_plain_text(edition.description))
    return _metadata(shop, urls.book(shop.url, edition.sku), properties, description, data)


def _preview(request: Request) -> str:
    """Return the URL of the image for pages that have none of their own."""
    static_files = services(request).static_files
    return f"{services(request).settings.shop.url}{static_files.path(PREVIEW)}"


def _breadcrumb(
    shop: ShopSettings, detail: BookDetail, translate: Translate
) -> list[tuple[str, str]]:
    """Return names and URLs from the index to a book, by way of its main subject."""
    steps = [
        (translate(_("Home")), urls.home(shop.url)),
        (translate(_("All books")), urls.books(shop.url)),
    ]
    subject = labels.main_subject(detail.edition.subjects)
    if subject and (heading := labels.heading(subject, translate)):
        steps.append((heading, urls.books(shop.url, {"subject": subject.code})))
    return [*steps, (detail.edition.title, urls.book(shop.url, detail.sku))]


def _metadata(
    shop: ShopSettings,
    canonical: str,
    properties: Sequence[Property],
    description: str | None = None,
    data: Markup | None = None,
) -> PageMetadata:
    common: list[Property] = [
        ("og:url", canonical),
        ("og:site_name", shop.name),
        ("og:locale", shop.locale),
        ("og:description", description),
    ]
    return PageMetadata(
        canonical=canonical,
        description=description or None,
        properties=tuple((name, value) for name, value in (*common, *properties) if value),
        feed=urls.feed(shop.url),
        json_ld=data,
    )
