"""What the head of a page says to search engines, and to sites that show links to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from pyramid.request import Request

from bookshop.catalogue import addresses, jsonld, words
from bookshop.catalogue.edition import AUTHOR
from bookshop.catalogue.plain import plain, short
from bookshop.catalogue.search.query import Query
from bookshop.catalogue.shelf import Detail, Listing
from bookshop.settings import ShopSettings
from bookshop.translation import Translate, _

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
    data = jsonld.script(jsonld.web_site(shop), jsonld.book_store(shop))
    return _head(shop, addresses.home(shop.url), told, data)


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
    return _head(shop, addresses.books(shop.url, parameters), told)


def book(request: Request, detail: Detail, other_formats: Iterable[Listing]) -> Head:
    """The head of a book's page."""
    shop, edition = _shop(request), detail.edition
    translate = request.localizer.translate
    address = addresses.book(shop.url, edition.sku)
    cover = detail.listing.cover
    told: list[tuple[str, str | None]] = [
        ("og:type", "book"),
        ("og:title", f"{edition.title}, {edition.byline}" if edition.byline else edition.title),
        (DESCRIPTION, short(plain(edition.description))),
        ("og:image", cover and addresses.cover(shop.url, cover)),
        ("og:image:alt", cover and _alt(translate, edition.title)),
        ("book:isbn", edition.isbn),
        ("book:release_date", edition.published.isoformat() if edition.published else None),
    ]
    told += [("book:author", each.name) for each in edition.contributors if each.role == AUTHOR]
    data = jsonld.script(
        jsonld.book(shop, detail, other_formats, translate),
        jsonld.breadcrumbs(_way(shop, detail, translate)),
    )
    return _head(shop, address, told, data)


def _way(shop: ShopSettings, detail: Detail, translate: Translate) -> list[tuple[str, str]]:
    steps = [
        (translate(_("Home")), addresses.home(shop.url)),
        (translate(_("All books")), addresses.books(shop.url)),
    ]
    subject = words.main_subject(detail.edition.subjects)
    if subject and (heading := words.heading(subject, translate)):
        steps.append((heading, addresses.books(shop.url, {"subject": subject.code})))
    return [*steps, (detail.edition.title, addresses.book(shop.url, detail.sku))]


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
        feed=addresses.feed(shop.url),
        data=data,
    )


def _shop(request: Request) -> ShopSettings:
    shop: ShopSettings = request.registry.bookshop.shop
    return shop
