"""What the head of a page says to search engines, and to sites that show links to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pyramid.request import Request

from bookshop.catalogue import labels
from bookshop.catalogue.edition import AUTHOR
from bookshop.catalogue.pages import urls
from bookshop.catalogue.queries import Detail, Listing
from bookshop.catalogue.search.query import Query
from bookshop.catalogue.seo import json_ld
from bookshop.catalogue.seo.plain_text import plain, short
from bookshop.i18n import Translate, _
from bookshop.services import services
from bookshop.settings import ShopSettings

DESCRIPTION = "og:description"


@dataclass(frozen=True)
class Head:
    """What `catalogue/_head.jinja2` writes.

    `canonical` is the one address of the page. `properties` are Open Graph's (https://ogp.me), in
    this order. `feed` is the address of the new books. `data` is JSON-LD, fit for a script element.
    """

    canonical: str
    description: str | None
    properties: tuple[tuple[str, str], ...]
    feed: str
    data: Markup | None


def index(request: Request) -> Head:
    """The head of the index."""
    shop = _shop(request)
    description = request.localizer.translate(
        _(
            "${name}: novels, poems, essays and picture books, chosen one at a time and sent "
            "with care.",
            mapping={"name": shop.name},
        )
    )
    told = [("og:type", "website"), ("og:title", shop.name), (DESCRIPTION, description)]
    data = json_ld.script(json_ld.web_site(shop), json_ld.book_store(shop))
    return _head(shop, urls.home(shop.url), told, data)


def list_(request: Request, query: Query, title: str, page: str | None = None) -> Head:
    """The head of a list that is called `title`; `page` is the cursor of its address.

    The order of a list makes no other page of it.
    """
    shop = _shop(request)
    parameters = query.parameters()
    parameters.pop("sort", None)
    if page:
        parameters["page"] = page
    told = [("og:type", "website"), ("og:title", title)]
    return _head(shop, urls.books(shop.url, parameters), told)


def book(request: Request, detail: Detail, other_formats: Iterable[Listing]) -> Head:
    """The head of a book's page."""
    shop, edition = _shop(request), detail.edition
    translate = request.localizer.translate
    address = urls.book(shop.url, edition.sku)
    cover = detail.listing.cover
    told: list[tuple[str, str | None]] = [
        ("og:type", "book"),
        ("og:title", f"{edition.title}, {edition.byline}" if edition.byline else edition.title),
        (DESCRIPTION, short(plain(edition.description))),
        ("og:image", cover and urls.cover(shop.url, cover)),
        ("og:image:alt", cover and _alt(translate, edition.title)),
        ("book:isbn", edition.isbn),
        ("book:release_date", edition.published.isoformat() if edition.published else None),
    ]
    told += [("book:author", each.name) for each in edition.contributors if each.role == AUTHOR]
    data = json_ld.script(
        json_ld.book(shop, detail, other_formats, translate),
        json_ld.breadcrumbs(_way(shop, detail, translate)),
    )
    return _head(shop, address, told, data)


def _way(shop: ShopSettings, detail: Detail, translate: Translate) -> list[tuple[str, str]]:
    steps = [
        (translate(_("Home")), urls.home(shop.url)),
        (translate(_("All books")), urls.books(shop.url)),
    ]
    subject = labels.main_subject(detail.edition.subjects)
    if subject and (heading := labels.heading(subject, translate)):
        steps.append((heading, urls.books(shop.url, {"subject": subject.code})))
    return [*steps, (detail.edition.title, urls.book(shop.url, detail.sku))]


def _alt(translate: Translate, title: str) -> str:
    return translate(_("Cover of ${title}", mapping={"title": title}))


def _head(
    shop: ShopSettings,
    canonical: str,
    told: Sequence[tuple[str, str | None]],
    data: Markup | None = None,
) -> Head:
    common = [
        ("og:url", canonical),
        ("og:site_name", shop.name),
        ("og:locale", shop.locale),
    ]
    return Head(
        canonical=canonical,
        description=dict(told).get(DESCRIPTION) or None,
        properties=(*common, *((name, value) for name, value in told if value)),
        feed=urls.feed(shop.url),
        data=data,
    )


def _shop(request: Request) -> ShopSettings:
    shop: ShopSettings = services(request).settings.shop
    return shop
