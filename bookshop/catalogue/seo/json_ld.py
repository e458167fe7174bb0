"""Structured data of pages: JSON-LD in the vocabulary of schema.org.

What search engines expect of a book for sale:
https://developers.google.com/search/docs/appearance/structured-data/merchant-listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from bookshop.catalogue import labels, urls
from bookshop.catalogue.edition import (
    AUTHOR,
    KEYWORD,
    UNDETERMINED,
    Contributor,
    Edition,
    Feature,
    Subject,
)
from bookshop.catalogue.forms import Format
from bookshop.catalogue.pricing import Offer
from bookshop.catalogue.queries import BookDetail
from bookshop.catalogue.seo import schema_org
from bookshop.catalogue.seo.plain_text import to_plain_text
from bookshop.catalogue.terms.availability import AvailabilityCode
from bookshop.catalogue.works.listing import Listing
from bookshop.i18n import Translate
from bookshop.settings import ShopSettings

Node = dict[str, Any]


def script(*nodes: Node) -> Markup:
    """Return nodes as the content of `<script type="application/ld+json">`, escaped for HTML."""
    graph = {"@context": "https://schema.org", "@graph": nodes}
    return htmlsafe_json_dumps(graph, separators=(",", ":"))


def book_store(shop: ShopSettings) -> Node:
    """Return the shop as a BookStore."""
    node = {
        **_seller(shop),
        "slogan": shop.tagline,
        "description": shop.description,
        "email": shop.email,
        "currenciesAccepted": shop.currency,
    }
    return _without_empty(node)


def web_site(shop: ShopSettings) -> Node:
    """Return the shop's pages as a WebSite with a SearchAction."""
    home = urls.home(shop.url)
    return {
        "@type": "WebSite",
        "@id": f"{home}#site",
        "url": home,
        "name": shop.name,
        "inLanguage": shop.locale.replace("_", "-"),
        "publisher": {"@id": f"{home}#shop"},
        "potentialAction": {
            "@type": "SearchAction",
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": f"{urls.books(shop.url)}?q={{search_term_string}}",
            },
            "query-input": "required name=search_term_string",
        },
    }


def breadcrumb_list(steps: Sequence[tuple[str, str]]) -> Node:
    """Return a BreadcrumbList of names and absolute URLs, from the index to the page."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": url}
            for position, (name, url) in enumerate(steps, start=1)
        ],
    }


def book(
    shop: ShopSettings, detail: BookDetail, other_formats: Iterable[Listing], translate: Translate
) -> Node:
    """Return a book as a Book or Audiobook that is a Product, with its Offer."""
    edition, listing = detail.edition, detail.listing
    url = urls.book(shop.url, edition.sku)
    is_audio = listing.format == Format.AUDIOBOOK
    node = {
        "@type": ["Audiobook" if is_audio else "Book", "Product"],
        "@id": f"{url}#book",
        "url": url,
        "name": _name(edition),
        "alternateName": edition.title if edition.subtitle else None,
        **_contributors(edition.contributors, is_audio=is_audio),
        "sku": edition.sku,
        **_format(listing),
        "isbn": edition.isbn,
        "gtin13": edition.isbn,
        "numberOfPages": edition.pages,
        "duration": f"PT{edition.minutes}M" if is_audio and edition.minutes else None,
        "publisher": _named("Organization", edition.publisher),
        "brand": _named("Brand", edition.imprint),
        "datePublished": edition.published and edition.published.isoformat(),
        "image": listing.cover and urls.cover(shop.url, listing.cover),
        "description": to_plain_text(edition.description),
        **_subjects(edition.subjects, translate),
        "isPartOf": [{"@type": "BookSeries", "name": each.title} for each in edition.series],
        "position": edition.series[0].number if len(edition.series) == 1 else None,
        **_accessibility(edition.accessibility),
        "workExample": [_work_example(shop, other) for other in other_formats],
        "offers": _offer(shop, listing, detail.offer, url),
    }
    return _without_empty(node)


def _offer(shop: ShopSettings, listing: Listing, offer: Offer, url: str) -> Node | None:
    code = listing.availability.code
    if listing.price is None or code is AvailabilityCode.NOT_FOR_SALE:
        return None
    starts = offer.release_date if code is AvailabilityCode.PREORDER else None
    return _without_empty(
        {
            "@type": "Offer",
            "url": url,
            "price": str(listing.price.value),
            "priceCurrency": listing.price.currency,
            "availability": schema_org.AVAILABILITIES[code],
            "availabilityStarts": starts.isoformat() if starts else None,
            "itemCondition": "https://schema.org/NewCondition",
            "seller": _seller(shop),
        }
    )


def _work_example(shop: ShopSettings, listing: Listing) -> Node:
    """Return another format of the same work."""
    url = urls.book(shop.url, listing.sku)
    return _without_empty(
        {
            "@type": "Book",
            "@id": f"{url}#book",
            "url": url,
            "name": listing.title,
            **_format(listing),
            "datePublished": listing.published and listing.published.isoformat(),
        }
    )


def _format(listing: Listing) -> Node:
    tag = labels.language_tag(listing.language)
    return {
        "bookFormat": schema_org.FORMATS.get(Format(listing.format)),
        "inLanguage": None if tag == UNDETERMINED else tag,
    }


def _name(edition: Edition) -> str:
    return f"{edition.title}: {edition.subtitle}" if edition.subtitle else edition.title


def _contributors(contributors: Sequence[Contributor], *, is_audio: bool) -> Node:
    """Return the contributors as Persons, grouped by schema.org's roles."""
    roles = dict(schema_org.ROLES)
    if is_audio:
        roles |= dict.fromkeys(schema_org.NARRATOR_ROLES, "readBy")
    if all(person.role != AUTHOR for person in contributors):
        roles |= dict.fromkeys(schema_org.CREATOR_ROLES, "author")
    by_role: dict[str, list[Node]] = {}
    for person in contributors:
        role = roles.get(person.role, "contributor")
        by_role.setdefault(role, []).append({"@type": "Person", "name": person.name})
    return by_role


def _subjects(subjects: Sequence[Subject], translate: Translate) -> Node:
    return {
        "about": [
            {
                "@type": "DefinedTerm",
                "name": heading,
                "termCode": subject.code,
                "inDefinedTermSet": schema_org.THEMA_TERM_SET,
            }
            for subject in subjects
            if (heading := labels.heading(subject, translate))
        ],
        "keywords": [each.heading for each in subjects if each.scheme == KEYWORD and each.heading],
    }


def _accessibility(features: Sequence[Feature]) -> Node:
    terms = schema_org.ACCESSIBILITY_FEATURES
    distinct_terms = dict.fromkeys(terms[each.code] for each in features if each.code in terms)
    summaries = (each.text for each in features if each.code == schema_org.ACCESSIBILITY_SUMMARY)
    return {
        "accessibilityFeature": list(distinct_terms),
        "accessibilitySummary": next(summaries, None),
    }


def _seller(shop: ShopSettings) -> Node:
    home = urls.home(shop.url)
    return {"@type": "BookStore", "@id": f"{home}#shop", "name": shop.name, "url": home}


def _named(type_: str, name: str | None) -> Node | None:
    return {"@type": type_, "name": name} if name else None


def _without_empty(node: Node) -> Node:
    """Return the node without properties that have no value."""
    return {name: value for name, value in node.items() if value not in (None, "", [])}
