"""Price and availability of a book, as pure functions of edition, sales context and day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal

from bookshop.catalogue.edition import Edition, Price, Restriction, SupplierOffer
from bookshop.catalogue.terms.availability import SaleState
from bookshop.catalogue.terms.markets import covers, in_market
from bookshop.clock import local_day
from bookshop.money import Money
from bookshop.payment_limits import Unpayable, smallest_step, unpayable_reason

# ONIX list 65, ProductAvailability.
FORTHCOMING = frozenset({"10", "11", "12"})
ORDERABLE = frozenset({"20", "21", "22", "23"})
# Not, or no longer, available. The other codes, and those that are not in the list, are temporarily
# unavailable (30 to 34), or the availability is not known (97 to 99).
DISCONTINUED = frozenset({"01", *map(str, range(40, 53))})
POSTPONED = "09"
# The codes above in order of preference, where suppliers differ; others come last.
BEST_AVAILABILITIES = (
    *("21", "20", "23", "22", "11", "12", "10"),
    *("31", "32", "30", "33", "34", POSTPONED),
)
# ONIX list 58, PriceType: retail prices, the most binding first. 21 to 24 are valid before
# publication only; 11 to 14, special sales, are not for consumers.
RETAIL = ("24", "23", "04", "03", "34", "33", "22", "21", "42", "02", "41", "01")
BEFORE_PUBLICATION = frozenset({"21", "22", "23", "24"})
# Where shops show prices without sales tax.
SHOWN_WITHOUT_TAX = frozenset({"CA", "US"})
DAY = timedelta(days=1)


@dataclass(frozen=True)
class SalesContext:
    """Where and in which currency a shop sells: ISO 4217 code, ISO 3166 country.

    Prices and embargoes begin and end at midnight in `timezone`.
    """

    currency: str
    country: str
    timezone: tzinfo = UTC

    def day(self, moment: datetime) -> date:
        """Return the shop's calendar day at a time."""
        return local_day(moment, self.timezone)


_BEST_STATES = tuple(SaleState)


@dataclass(frozen=True)
class Offer:
    """The terms on which a book is sold on a day.

    `price` includes tax, and is None without a price that Stripe can charge. `fixed` is true if the
    law forbids a discount. `release_date` is the first day of delivery of a book that is not out
    yet, `expected` the day on which copies are expected while there are none. `changes_on` is the
    next day with a different offer.
    """

    state: SaleState
    price: Money | None
    fixed: bool
    release_date: date | None
    changes_on: date | None
    expected: date | None = None


NOT_OFFERED = Offer(
    SaleState.NOT_FOR_SALE, price=None, fixed=False, release_date=None, changes_on=None
)


def offer_on(edition: Edition, sales_context: SalesContext, day: date) -> Offer:
    """Return the offer for `edition` on `day` in the country of the shop."""
    local = in_market(edition, sales_context.country)
    offer = _offer(local, sales_context, day)
    later = sorted({change for change in _change_dates(local, sales_context) if change > day})
    changes = (change for change in later if _offer(local, sales_context, change) != offer)
    return replace(offer, changes_on=next(changes, None))


def _offer(edition: Edition, sales_context: SalesContext, day: date) -> Offer:
    """Return the best supplier's offer on `day`, without the day on which it changes."""
    ranked = [
        (_supplier_offer(edition, supply, sales_context, day), supply.availability)
        for supply in _supplies(edition)
    ]
    return min(ranked, key=_rank)[0]


def _supplies(edition: Edition) -> tuple[SupplierOffer, ...]:
    """Return the offers of an edition; if it has none, its own terms as an offer."""
    return edition.offers or (
        SupplierOffer(edition.availability, edition.prices, expected=edition.expected),
    )


def _rank(ranked: tuple[Offer, str]) -> tuple[int, int]:
    offer, code = ranked
    listed = code in BEST_AVAILABILITIES
    return (
        _BEST_STATES.index(offer.state),
        BEST_AVAILABILITIES.index(code) if listed else len(BEST_AVAILABILITIES),
    )


def _supplier_offer(
    edition: Edition, supply: SupplierOffer, sales_context: SalesContext, day: date
) -> Offer:
    embargoes = [embargo for embargo in (edition.on_sale, supply.on_sale) if embargo]
    release_date = max(embargoes, default=edition.published)
    unreleased = release_date is not None and release_date > day
    restrictions = (*edition.restrictions, *supply.restrictions)
    if any(_is_in_force(each, sales_context.country, day) for each in restrictions):
        return NOT_OFFERED
    price = _price(supply, sales_context, day, unreleased=unreleased)
    if price is not None and unpayable_reason(_with_tax(price)):
        price = None
    state = _state(
        supply.availability,
        priced=price is not None,
        release_date=release_date,
        unreleased=unreleased,
    )
    is_expected = state is SaleState.TEMPORARILY_UNAVAILABLE and (supply.expected or day) > day
    return Offer(
        state=state,
        price=_with_tax(price) if price else None,
        fixed=price is not None and price.fixed,
        release_date=release_date if unreleased else None,
        changes_on=None,
        expected=supply.expected if is_expected else None,
    )


def bans_on(edition: Edition, sales_context: SalesContext, day: date) -> list[str]:
    """Return the reasons why the shop may not or will not sell the edition on `day`."""
    local = in_market(edition, sales_context.country)
    supplied = (each for supply in local.offers for each in supply.restrictions)
    bans = [
        each.reason
        for each in (*local.restrictions, *supplied)
        if _is_in_force(each, sales_context.country, day)
    ]
    return list(dict.fromkeys(bans))


def unpayable_prices(
    edition: Edition, sales_context: SalesContext
) -> Iterator[tuple[Money, Unpayable]]:
    """Yield the prices of any day that Stripe cannot charge, each with the reason."""
    supplies = _supplies(in_market(edition, sales_context.country))
    prices = (price for supply in supplies for price in _retail_prices(supply, sales_context))
    for price in prices:
        money = _with_tax(price)
        if reason := unpayable_reason(money):
            yield money, reason


def _state(code: str, *, priced: bool, release_date: date | None, unreleased: bool) -> SaleState:
    """Return the state for an availability of ONIX list 65."""
    if code in FORTHCOMING | ORDERABLE and unreleased:
        return SaleState.PREORDER if priced else SaleState.FORTHCOMING
    if code == POSTPONED or (code in FORTHCOMING and release_date is None):
        return SaleState.FORTHCOMING
    if code in DISCONTINUED:
        return SaleState.DISCONTINUED
    if code not in FORTHCOMING | ORDERABLE:
        return SaleState.TEMPORARILY_UNAVAILABLE
    # A forthcoming book whose release date has passed is out, even if no update has said so.
    return SaleState.BUY if priced else SaleState.NOT_FOR_SALE


def _price(
    supply: SupplierOffer, sales_context: SalesContext, day: date, *, unreleased: bool
) -> Price | None:
    """Return the price in force: the most binding type first, then the most specific."""
    valid = [
        price
        for price in _retail_prices(supply, sales_context)
        if (unreleased or price.type not in BEFORE_PUBLICATION)
        and (price.starts is None or price.starts <= day)
        and (price.ends is None or price.ends >= day)
    ]
    return min(valid, key=_precedence, default=None)


def _retail_prices(supply: SupplierOffer, sales_context: SalesContext) -> Iterator[Price]:
    """Yield the prices in the shop's currency that its customers may be charged on some day."""
    for price in supply.prices:
        if (
            price.currency == sales_context.currency
            and price.type in RETAIL
            and covers(price, sales_context.country)
            and _is_consumer_price(price, sales_context.country)
        ):
            yield price


def _is_consumer_price(price: Price, country: str) -> bool:
    """True if what the customer pays can be worked out: a price without tax needs its rate."""
    return price.includes_tax or price.tax_percent is not None or country in SHOWN_WITHOUT_TAX


def _precedence(price: Price) -> tuple[int, bool, bool, int]:
    # A price limited to countries or days overrides the general one; of two, the later start wins.
    unlimited = price.starts is None and price.ends is None
    start = (price.starts or date.min).toordinal()
    return RETAIL.index(price.type), not price.countries, unlimited, -start


def _is_in_force(restriction: Restriction, country: str, day: date) -> bool:
    return covers(restriction, country) and (
        (restriction.starts or date.min) <= day <= (restriction.ends or date.max)
    )


def _with_tax(price: Price) -> Money:
    """Return the consumer's price: tax is added if the amount excludes it.

    The result is rounded to an amount that Stripe can charge: in ISK, 3990 and 11 % are 4429.
    """
    if price.includes_tax or price.tax_percent is None:
        return Money(price.amount, price.currency)
    tax = (price.amount * Decimal(price.tax_percent)).scaleb(-2)  # a percentage
    step = Decimal(smallest_step(price.currency)).normalize()  # 100 becomes 1E+2
    return Money(int((price.amount + tax).quantize(step, ROUND_HALF_UP)), price.currency)


def _change_dates(edition: Edition, sales_context: SalesContext) -> Iterator[date]:
    """Yield the days on which the offer may change."""
    supplies = _supplies(edition)
    of_supplies = (day for each in supplies for day in (each.on_sale, each.expected))
    for day in (edition.on_sale, edition.published, *of_supplies):
        if day is not None:
            yield day
    restrictions = (each for supply in supplies for each in supply.restrictions)
    dated: list[Price | Restriction] = [*edition.restrictions, *restrictions]
    dated += [
        price
        for supply in supplies
        for price in supply.prices
        if price.currency == sales_context.currency
    ]
    for each in dated:
        if each.starts is not None:
            yield each.starts
        if each.ends is not None and each.ends < date.max:
            yield each.ends + DAY
