"""What search engines are told of a book, in schema.org's terms, as JSON-LD.

Terms: https://schema.org/docs/full.html. What shops' pages should say of books:
https://developers.google.com/search/docs/appearance/structured-data/merchant-listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from bookshop.catalogue import labels
from bookshop.catalogue.edition import AUTHOR, KEYWORD, Contributor, Edition, Feature, Subject
from bookshop.catalogue.forms import Format
from bookshop.catalogue.pages import urls
from bookshop.catalogue.pricing import Code, Offer
from bookshop.catalogue.queries import Detail, Listing
from bookshop.catalogue.seo.plain_text import plain
from bookshop.i18n import Translate
from bookshop.settings import ShopSettings

Node = dict[str, Any]

TERMS_OF_THEMA = "https://ns.editeur.org/thema/en"
FORMATS = {
    Format.HARDBACK: "https://schema.org/Hardcover",
    Format.PAPERBACK: "https://schema.org/Paperback",
    Format.EBOOK: "https://schema.org/EBook",
    Format.AUDIOBOOK: "https://schema.org/AudiobookFormat",
}
AVAILABILITIES = {
    Code.AVAILABLE: "https://schema.org/InStock",
    Code.FEW: "https://schema.org/LimitedAvailability",
    Code.PREORDER: "https://schema.org/PreOrder",
    Code.FORTHCOMING: "https://schema.org/OutOfStock",  # nobody can order it yet
    Code.SOLD_OUT: "https://schema.org/OutOfStock",
    Code.UNAVAILABLE: "https://schema.org/Discontinued",
}
# ONIX list 17. Whoever else has made a book is its contributor.
ROLES = {
    AUTHOR: "author",
    "A12": "illustrator",
    "B01": "editor",
    "B06": "translator",
}
# Those who have made what is in a book, its photographs say, are its authors where nobody wrote it.
MAKERS = frozenset(f"A{number:02}" for number in range(2, 15))
READERS = frozenset({"E03", "E07"})
# ONIX list 196 in the vocabulary that schema.org refers to, as far as both say the same:
# https://www.w3.org/community/reports/a11y-discov-vocab/CG-FINAL-crosswalk-20240906/
FEATURES = {
    "05": "taggedPDF",
    "06": "taggedPDF",
    "11": "tableOfContents",
    "12": "index",
    "13": "readingOrder",
    "14": "alternativeText",
    "15": "longDescription",
    "16": "longDescription",
    "17": "MathML",
    "18": "ChemML",
    "19": "pageBreakMarkers",
    "20": "synchronizedAudioText",
    "21": "ttsMarkup",
    "27": "highContrastAudio",
    "29": "structuralNavigation",
    "30": "ARIA",
    "34": "MathML-chemistry",
    "35": "latex",
    "36": "displayTransformability",
    "37": "highContrastDisplay",
    "41": "pageNavigation",
    "53": "describedMath",
    "54": "latex-chemistry",
}
SUMMARY = "00"


def script(*nodes: Node) -> Markup:
    """What belongs into `<script type="application/ld+json">`; no title can end that element."""
    graph = {"@context": "https://schema.org", "@graph": nodes}
    return htmlsafe_json_dumps(graph, separators=(",", ":"))


def book_store(shop: ShopSettings) -> Node:
    """The shop."""
    return {**_seller(shop), "email": shop.email, "currenciesAccepted": shop.currency}


def web_site(shop: ShopSettings) -> Node:
    """The shop's pages, and how they are searched."""
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


def breadcrumbs(steps: Sequence[tuple[str, str]]) -> Node:
    """The way from the index to a page: names and absolute addresses."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": address}
            for position, (name, address) in enumerate(steps, start=1)
        ],
    }


def book(
    shop: ShopSettings, detail: Detail, other_formats: Iterable[Listing], translate: Translate
) -> Node:
    """A book, and how it is sold."""
    edition, listing = detail.edition, detail.listing
    address = urls.book(shop.url, edition.sku)
    node = {
        "@type": ["Book", "Product"],
        "@id": f"{address}#book",
        "url": address,
        "name": _name(edition),
        "alternateName": edition.title if edition.subtitle else None,
        **_people(edition.contributors, audio=listing.format == Format.AUDIOBOOK),
        "sku": edition.sku,
        **_format(listing),
        "isbn": edition.isbn,
        "gtin13": edition.isbn,
        "numberOfPages": edition.pages,
        "publisher": _named("Organization", edition.publisher),
        "brand": _named("Brand", edition.imprint),
        "datePublished": edition.published and edition.published.isoformat(),
        "image": listing.cover and urls.cover(shop.url, listing.cover),
        "description": plain(edition.description),
        **_subjects(edition.subjects, translate),
        "isPartOf": [{"@type": "BookSeries", "name": each.title} for each in edition.series],
        "position": edition.series[0].number if len(edition.series) == 1 else None,
        **_accessibility(edition.accessibility),
        "workExample": [_example(shop, other) for other in other_formats],
        "offers": _offer(shop, listing, detail.offer, address),
    }
    if listing.format == Format.AUDIOBOOK:
        node["@type"] = ["Audiobook", "Product"]
        node["duration"] = edition.minutes and f"PT{edition.minutes}M"
    return _told(node)


def _offer(shop: ShopSettings, listing: Listing, offer: Offer, address: str) -> Node | None:
    if listing.price is None:
        return None
    code = listing.availability.code
    starts = (
        offer.release_date.isoformat() if code is Code.PREORDER and offer.release_date else None
    )
    return _told(
        {
            "@type": "Offer",
            "url": address,
            "price": str(listing.price.value),
            "priceCurrency": listing.price.currency,
            "availability": AVAILABILITIES[code],
            "availabilityStarts": starts,
            "itemCondition": "https://schema.org/NewCondition",
            "seller": _seller(shop),
        }
    )


def _example(shop: ShopSettings, listing: Listing) -> Node:
    """Another format of the same work."""
    address = urls.book(shop.url, listing.sku)
    return _told(
        {
            "@type": "Book",
            "@id": f"{address}#book",
            "url": address,
            "name": listing.title,
            **_format(listing),
            "datePublished": listing.published and listing.published.isoformat(),
        }
    )


def _format(listing: Listing) -> Node:
    known = listing.language != "und"
    return {
        "bookFormat": FORMATS.get(Format(listing.format)),
        "inLanguage": labels.language_tag(listing.language) if known else None,
    }


def _name(edition: Edition) -> str:
    return f"{edition.title}: {edition.subtitle}" if edition.subtitle else edition.title


def _people(contributors: Sequence[Contributor], *, audio: bool) -> Node:
    roles = {**ROLES, **(dict.fromkeys(READERS, "readBy") if audio else {})}
    if all(person.role != AUTHOR for person in contributors):
        roles |= dict.fromkeys(MAKERS, "author")
    found: dict[str, list[Node]] = {}
    for person in contributors:
        role = roles.get(person.role, "contributor")
        found.setdefault(role, []).append({"@type": "Person", "name": person.name})
    return found


def _subjects(subjects: Sequence[Subject], translate: Translate) -> Node:
    return {
        "about": [
            {
                "@type": "DefinedTerm",
                "name": heading,
                "termCode": subject.code,
                "inDefinedTermSet": TERMS_OF_THEMA,
            }
            for subject in subjects
            if (heading := labels.heading(subject, translate))
        ],
        "keywords": [each.heading for each in subjects if each.scheme == KEYWORD and each.heading],
    }


def _accessibility(features: Sequence[Feature]) -> Node:
    found = dict.fromkeys(FEATURES[each.code] for each in features if each.code in FEATURES)
    said = (each.text for each in features if each.code == SUMMARY)
    return {"accessibilityFeature": list(found), "accessibilitySummary": next(said, None)}


def _seller(shop: ShopSettings) -> Node:
    home = urls.home(shop.url)
    return {"@type": "BookStore", "@id": f"{home}#shop", "name": shop.name, "url": home}


def _named(kind: str, name: str | None) -> Node | None:
    return {"@type": kind, "name": name} if name else None


def _told(node: Node) -> Node:
    """The same without what nobody knows."""
    return {name: value for name, value in node.items() if value not in (None, "", [])}
