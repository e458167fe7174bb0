"""Editions: the trade's description of one product, in the terms of ONIX.

Importers read feeds into editions, the database stores them whole, and pages and search are built
from them. ONIX for Books 3.1: https://www.editeur.org/93/Release-3.0-and-3.1-Downloads/, code
lists: https://www.editeur.org/14/Code-Lists/.
"""

from __future__ import annotations

import hashlib
from datetime import date

import msgspec

AUTHOR = "A01"  # ONIX list 17, contributor role
THEMA, KEYWORD = "93", "20"  # ONIX list 27, subject scheme
UNDETERMINED = "und"  # ISO 639-2, language not known
AVAILABLE = "20"  # ONIX list 65, availability
NOWHERE = "ZZ"  # CLDR's code for an unknown country, in place of the countries of an empty market
# Why a book is not for sale: trade material, no rights, a restriction of the publisher or of the
# market, a market without the country, a decision of the shop.
TRADE_ONLY, NO_RIGHTS, RESTRICTED = "trade_only", "no_rights", "restricted"
NO_MARKET, BLOCKED = "no_market", "blocked"
BANS = (TRADE_ONLY, NO_RIGHTS, RESTRICTED, NO_MARKET, BLOCKED)
FIXED_BY_LAW = frozenset({"03", "04", "13", "14", "23", "24", "33", "34"})  # ONIX list 58


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of an edition: immutable, and encoded to JSON without default values."""

    def __post_init__(self) -> None:
        # msgspec omits a default only if it is the identical object, and equal parts must be
        # encoded alike.
        for name, default in _STRING_DEFAULTS.get(type(self), ()):
            if getattr(self, name) == default:
                msgspec.structs.force_setattr(self, name, default)


class Contributor(Part, frozen=True):
    """A person or organisation that contributed, with a `role` of ONIX list 17 (A01 author).

    `name` is in natural order (Haruki Murakami), `inverted` in sorting order (Murakami, Haruki).
    """

    name: str
    role: str = AUTHOR
    inverted: str | None = None


class Subject(Part, frozen=True):
    """A subject: `scheme` of ONIX list 27 (93 Thema, 10 BISAC) and a `code` of that scheme.

    A keyword (scheme 20) has a heading and no code.
    """

    scheme: str
    code: str = ""
    heading: str | None = None
    main: bool = False


class Series(Part, frozen=True):
    """A series that the book belongs to, and its number in the series."""

    title: str
    number: str | None = None


class Price(Part, frozen=True):
    """A publisher's price: `amount` in minor units of `currency` (ISO 4217).

    `type` is of ONIX list 58. `tax` is of list 62 (S standard, R reduced, Z zero), `tax_percent` a
    decimal such as "5.5". The price is valid from `starts` to `ends`, both days included, in
    `countries` (ISO 3166; empty for all) except `excluded`.
    """

    currency: str
    amount: int
    type: str = "02"
    tax: str | None = None
    tax_percent: str | None = None
    starts: date | None = None
    ends: date | None = None
    countries: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def fixed(self) -> bool:
        """True if the law forbids a discount (the fixed prices of ONIX list 58)."""
        return self.type in FIXED_BY_LAW

    @property
    def includes_tax(self) -> bool:
        """True if the amount includes tax: the even codes of ONIX list 58."""
        return self.type[-1:] in "02468"


class Restriction(Part, frozen=True):
    """A ban on selling the book to consumers in `countries` except `excluded`, as in Price.

    `reason` is one of BANS. The ban holds from `starts` to `ends`, both days included.
    """

    reason: str
    starts: date | None = None
    ends: date | None = None
    countries: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class SupplierOffer(Part, frozen=True):
    """What one supplier offers in one market: `countries` except `excluded`, as in Price.

    `availability` is of ONIX list 65. `published` and `on_sale` are the market's own dates,
    `expected` the day on which a supplier without copies expects some.
    """

    availability: str = AVAILABLE
    prices: tuple[Price, ...] = ()
    supplier: str | None = None
    published: date | None = None
    on_sale: date | None = None
    countries: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    restrictions: tuple[Restriction, ...] = ()
    expected: date | None = None


class Related(Part, frozen=True):
    """A related product: `relation` of ONIX list 51 (06 alternative format), 13-digit `isbn`."""

    relation: str
    isbn: str


class Feature(Part, frozen=True):
    """An accessibility feature of an e-book: `code` of ONIX list 196, the publisher's `text`."""

    code: str
    text: str | None = None


class Edition(Part, frozen=True, kw_only=True):
    """One format of one work, as the trade describes it.

    `sku` is the ISBN-13 where there is one. `reference` is the ONIX RecordReference. `sort_title`
    is the text by which the title sorts, without "The", if the trade says so. `form` is of
    ONIX list 150 (BB hardback, BC paperback, ED digital download), `details` of list 175 (E101
    EPUB), `availability` of list 65. `language` is an ISO 639-2/B code. `description` is HTML of
    the elements that `importing.html` allows. `published` is the nominal publication date,
    `on_sale` the first day on which the book may be sold or delivered (the embargo), `expected`
    the day on which copies are expected while there are none. `cover` is a file name or URL as
    the feed gives it. `work` is the same for all formats of a work. `minutes`
    is the running time of an audiobook.

    Where markets or suppliers differ, `offers` has one row for each; then `prices` and
    `availability` do not apply, and the dates are those of the publisher. `restrictions` hold for
    every offer.
    """

    sku: str
    title: str
    reference: str | None = None
    isbn: str | None = None
    sort_title: str | None = None
    subtitle: str | None = None
    series: tuple[Series, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    form: str = "BA"
    details: tuple[str, ...] = ()
    publisher: str | None = None
    imprint: str | None = None
    published: date | None = None
    on_sale: date | None = None
    expected: date | None = None
    language: str = UNDETERMINED
    pages: int | None = None
    minutes: int | None = None
    subjects: tuple[Subject, ...] = ()
    description: str = ""
    cover: str | None = None
    prices: tuple[Price, ...] = ()
    availability: str = AVAILABLE
    work: str | None = None
    related: tuple[Related, ...] = ()
    accessibility: tuple[Feature, ...] = ()
    offers: tuple[SupplierOffer, ...] = ()
    restrictions: tuple[Restriction, ...] = ()

    @property
    def byline(self) -> str:
        """The names of the authors; of all contributors if there is no author."""
        authors = [person.name for person in self.contributors if person.role == AUTHOR]
        return ", ".join(authors or [person.name for person in self.contributors])


_STRING_DEFAULTS: dict[type[Part], list[tuple[str, str]]] = {
    part: [
        (field.name, field.default)
        for field in msgspec.structs.fields(part)
        if isinstance(field.default, str)
    ]
    for part in (Contributor, Subject, Price, SupplierOffer, Edition)
}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Edition).decode


def encode(edition: Edition) -> str:
    """Return the edition as JSON; equal editions have equal JSON."""
    return _encode(edition).decode()


def decode(text: str) -> Edition:
    """Return the edition that `encode` wrote. Raises msgspec.DecodeError."""
    return _decode(text)


def digest(text: str | bytes) -> str:
    """Return a BLAKE2b hash of the text: 24 hexadecimal digits."""
    raw = text.encode() if isinstance(text, str) else text
    return hashlib.blake2b(raw, digest_size=12).hexdigest()
