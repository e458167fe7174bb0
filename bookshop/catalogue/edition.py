"""What the trade says of one product: an edition, in ONIX's terms.

Feeds are read into editions, the database keeps them whole, pages and search are made from
them. ONIX for Books 3.1 (https://www.editeur.org/93/Release-3.0-and-3.1-Downloads/), code lists
https://www.editeur.org/14/Code-Lists/.
"""

from __future__ import annotations

import hashlib
from datetime import date

import msgspec

# ONIX list 17, and list 27.
AUTHOR = "A01"
THEMA, KEYWORD = "93", "20"
FIXED_BY_LAW = frozenset({"03", "04", "13", "14", "23", "24", "33", "34"})


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of an edition: immutable, and short as JSON."""

    def __post_init__(self) -> None:
        # A default is left out where it is the very same object, and equal parts are to be
        # encoded alike.
        for name, default in _TEXTS.get(type(self), ()):
            if getattr(self, name) == default:
                msgspec.structs.force_setattr(self, name, default)


class Contributor(Part, frozen=True):
    """Who made a book, and as what: `role` is of list 17, A01 the author.

    `name` reads naturally (Haruki Murakami); `inverted`, where it is known, sorts (Murakami,
    Haruki).
    """

    name: str
    role: str = AUTHOR
    inverted: str | None = None


class Subject(Part, frozen=True):
    """What a book is about: `scheme` is of list 27 (93 Thema, 10 BISAC), `code` of that scheme.

    A keyword (scheme 20) has no code, only a heading.
    """

    scheme: str
    code: str = ""
    heading: str | None = None
    main: bool = False


class Series(Part, frozen=True):
    """The series that a book is part of, and which part."""

    title: str
    number: str | None = None


class Price(Part, frozen=True):
    """What a book costs: `amount` in minor units of `currency`, as the publisher told it.

    `type` is of list 58; `tax` of list 62 (S standard, R reduced, Z zero), `tax_percent` such as
    "5.5". It holds from `starts` to `ends`, both days included, in `countries` (ISO 3166, empty
    for all) without those in `excluded`.
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
        """Whether the law forbids to sell for less (the fixed prices of list 58)."""
        return self.type in FIXED_BY_LAW

    @property
    def includes_tax(self) -> bool:
        """Whether the tax is in the amount: list 58 has the even codes for such prices."""
        return self.type[-1:] in "02468"


class Related(Part, frozen=True):
    """Another product: `relation` is of list 51 (06 another format), `isbn` has 13 digits."""

    relation: str
    isbn: str


class Feature(Part, frozen=True):
    """A fact about the accessibility of an e-book: `code` is of list 196, `text` its words."""

    code: str
    text: str | None = None


class Edition(Part, frozen=True, kw_only=True):
    """One format of one work, as the trade describes it.

    `sku` is the ISBN-13 where there is one. `form` is of list 150 (BB hardback, BC paperback, ED
    digital download), `details` of list 175 (E101 EPUB). `language` is an ISO 639-2/B code.
    `description` is HTML that holds nothing but the few elements which `feeds.html` lets through.
    `published` is the nominal day, `on_sale` the first day on which it may be sold or delivered
    (the embargo). `availability` is of list 65. `cover` is a file or an address as the feed names
    it. `work` is the same in all formats of a work.
    """

    sku: str
    title: str
    reference: str | None = None
    isbn: str | None = None
    subtitle: str | None = None
    series: tuple[Series, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    form: str = "BA"
    details: tuple[str, ...] = ()
    publisher: str | None = None
    imprint: str | None = None
    published: date | None = None
    on_sale: date | None = None
    language: str = "und"
    pages: int | None = None
    minutes: int | None = None
    subjects: tuple[Subject, ...] = ()
    description: str = ""
    cover: str | None = None
    prices: tuple[Price, ...] = ()
    availability: str = "20"
    work: str | None = None
    related: tuple[Related, ...] = ()
    accessibility: tuple[Feature, ...] = ()

    @property
    def byline(self) -> str:
        """The authors' names; where there is none, everybody's."""
        authors = [person.name for person in self.contributors if person.role == AUTHOR]
        return ", ".join(authors or [person.name for person in self.contributors])

    @property
    def digital(self) -> bool:
        """Whether it is delivered by wire."""
        return self.form.startswith("E") or self.form in {"AJ", "AN", "AO"}


_TEXTS: dict[type[Part], list[tuple[str, str]]] = {
    kind: [
        (each.name, each.default)
        for each in msgspec.structs.fields(kind)
        if isinstance(each.default, str)
    ]
    for kind in (Contributor, Subject, Price, Edition)
}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Edition).decode


def encode(edition: Edition) -> str:
    """The edition as the database keeps it: JSON, the same for equal editions."""
    return _encode(edition).decode()


def decode(text: str) -> Edition:
    """The edition that `encode` has written. Raises msgspec.ValidationError."""
    return _decode(text)


def digest(text: str | bytes) -> str:
    """A short name for a text: another one for any other text."""
    raw = text.encode() if isinstance(text, str) else text
    return hashlib.blake2b(raw, digest_size=12).hexdigest()
