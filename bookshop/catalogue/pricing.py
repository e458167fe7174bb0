"""What a book costs and whether it can be bought: one function of the book and the day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from bookshop.catalogue.edition import Edition, Price
from bookshop.i18n import _
from bookshop.money import Money

FEW = 3
# ONIX list 65, ProductAvailability.
FORTHCOMING = frozenset({"10", "11", "12"})
ORDERABLE = frozenset({"20", "21", "22", "23"})
WAITING = frozenset({"30", "31", "32", "33", "34"})
POSTPONED = "09"
# ONIX list 58, PriceType: what customers pay, the most binding first. 21 to 24 hold before
# publication only; 11 to 14, special sales, are for other customers than ours.
RETAIL = ("24", "23", "04", "03", "34", "33", "22", "21", "42", "02", "41", "01")
BEFORE_PUBLICATION = frozenset({"21", "22", "23", "24"})
DAY = timedelta(days=1)


@dataclass(frozen=True)
class SalesContext:
    """On which a shop sells: in a currency (ISO 4217), in a country (ISO 3166) if it is known."""

    currency: str
    country: str | None


class State(StrEnum):
    """What can be done with a book on a day, whatever copies there are."""

    BUY = "buy"
    PREORDER = "preorder"
    FORTHCOMING = "forthcoming"
    WAIT = "wait"
    GONE = "gone"


@dataclass(frozen=True)
class Offer:
    """How a book is sold on a day.

    `price` includes tax; `fixed`, whether the law forbids a discount. `release_date` is the day on
    which a book that is to come may be delivered; on `changes_on` the next other offer holds.
    """

    state: State
    price: Money | None
    fixed: bool
    release_date: date | None
    changes_on: date | None


class Code(StrEnum):
    """What the shop can do with a book today, with the copies that nobody has taken."""

    AVAILABLE = "available"
    FEW = "few"
    PREORDER = "preorder"
    FORTHCOMING = "forthcoming"
    SOLD_OUT = "sold_out"
    UNAVAILABLE = "unavailable"


LABELS = {
    Code.AVAILABLE: _("In stock"),
    Code.FEW: _("Only a few left"),
    Code.PREORDER: _("Not out yet: order it now"),
    Code.FORTHCOMING: _("Not out yet"),
    Code.SOLD_OUT: _("Sold out"),
    Code.UNAVAILABLE: _("No longer available"),
}


@dataclass(frozen=True)
class Availability:
    """The answer, as code and in words."""

    code: Code

    @property
    def label(self) -> Any:
        """The answer in words, to be translated."""
        return LABELS[self.code]

    @property
    def can_buy(self) -> bool:
        """Whether a customer can buy a copy now."""
        return self.code in {Code.AVAILABLE, Code.FEW, Code.PREORDER}


def offer(edition: Edition, terms: SalesContext, day: date) -> Offer:
    """How `edition` is sold on `day`."""
    today = _on(edition, terms, day)
    later = sorted({turn for turn in _turns(edition, terms) if turn > day})
    other = (turn for turn in later if _on(edition, terms, turn) != today)
    return replace(today, changes_on=next(other, None))


def _on(edition: Edition, terms: SalesContext, day: date) -> Offer:
    release_date = edition.on_sale or edition.published
    coming = release_date is not None and release_date > day
    price = _price(edition, terms, day, coming=coming)
    return Offer(
        state=_state(
            edition.availability, priced=price is not None, release_date=release_date, coming=coming
        ),
        price=Money(_with_tax(price), price.currency) if price else None,
        fixed=price is not None and price.fixed,
        release_date=release_date if coming else None,
        changes_on=None,
    )


def availability(state: State, free: int | None) -> Availability:
    """What a state and the copies nobody has taken come to; None where copies are no object."""
    if state is State.FORTHCOMING:
        return Availability(Code.FORTHCOMING)
    if state is State.GONE:
        return Availability(Code.UNAVAILABLE)
    code = Code.SOLD_OUT if state is State.WAIT else shown(free)
    if state is State.PREORDER and code is not Code.SOLD_OUT:
        code = Code.PREORDER
    return Availability(code)


def shown(free: int | None) -> Code:
    """What pages say of the copies that nobody has taken."""
    if free is None or free > FEW:
        return Code.AVAILABLE
    return Code.FEW if free > 0 else Code.SOLD_OUT


def _state(code: str, *, priced: bool, release_date: date | None, coming: bool) -> State:
    if code in FORTHCOMING | ORDERABLE and coming:
        return State.PREORDER if priced else State.FORTHCOMING
    if code == POSTPONED or (code in FORTHCOMING and release_date is None):
        return State.FORTHCOMING
    if code in WAITING:
        return State.WAIT
    # What was to come by now has come, whether or not somebody has said so.
    return State.BUY if code in FORTHCOMING | ORDERABLE and priced else State.GONE


def _price(edition: Edition, terms: SalesContext, day: date, *, coming: bool) -> Price | None:
    """The price that holds: the most binding type, then the one made for this country."""
    found = [
        price
        for price in edition.prices
        if price.currency == terms.currency
        and price.type in RETAIL
        and (coming or price.type not in BEFORE_PUBLICATION)
        and _holds_in(price, terms.country)
        and (price.starts is None or price.starts <= day)
        and (price.ends is None or price.ends >= day)
    ]
    return min(found, key=_rank, default=None)


def _rank(price: Price) -> tuple[int, bool, bool, int]:
    # A price for some days, or for some countries, is an exception from the one without; of two
    # the later is the newer.
    lasting = price.starts is None and price.ends is None
    age = -(price.starts or date.min).toordinal()
    return RETAIL.index(price.type), not price.countries, lasting, age


def _holds_in(price: Price, country: str | None) -> bool:
    if country is None:
        return True
    return country not in price.excluded and (not price.countries or country in price.countries)


def _with_tax(price: Price) -> int:
    """The amount that a customer pays; to a price without tax comes the tax that it names."""
    if price.includes_tax or price.tax_percent is None:
        return price.amount
    tax = (price.amount * Decimal(price.tax_percent)).scaleb(-2)  # a percentage
    return price.amount + int(tax.quantize(Decimal(1), ROUND_HALF_UP))


def _turns(edition: Edition, terms: SalesContext) -> Iterator[date]:
    """The days on which the offer may change."""
    release_date = edition.on_sale or edition.published
    if release_date is not None:
        yield release_date
    for price in edition.prices:
        if price.currency == terms.currency:
            if price.starts is not None:
                yield price.starts
            if price.ends is not None and price.ends < date.max:
                yield price.ends + DAY
