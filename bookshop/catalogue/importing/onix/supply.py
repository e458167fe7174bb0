"""Block 6 of a record, ProductSupply: who supplies it, when, and for how much."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from bookshop.catalogue.edition import Price
from bookshop.catalogue.importing.onix.dates import binding, dates, day, spread
from bookshop.catalogue.importing.onix.publishing import EMBARGO, embargo, publication
from bookshop.catalogue.importing.onix.tags import Parts, every, first, within
from bookshop.catalogue.importing.records import Refusal
from bookshop.money import decimals

EXPECTED = "08"  # List 166
# List 65, the best first; what is not here is not to be had, and told as it comes.
BEST = ("21", "20", "23", "22", "11", "12", "10", "31", "32", "30", "33", "34", "09")
# List 58, what customers pay; the others are between booksellers and their suppliers.
RETAIL = frozenset(
    {"01", "02", "03", "04", "11", "12", "13", "14", "21", "22", "23", "24"}
    | {"31", "33", "34", "41", "42"}
)
UNTOLD_TYPE = "02"
# List 59: for everybody; and promotions, of those that have days.
EVERYBODY = frozenset({"", "00", "05"})
PROMOTION = "08"
# List 167: prices of rentals, of subscriptions, and of what is bought with something else.
CONDITIONAL = frozenset({"04", "05", "06", "07", "08", "10", "11", "12"})
# List 173
FROM, UNTIL, FROM_UNTIL = "14", "15", "24"
TAX_RATES = frozenset({"H", "P", "R", "S", "T", "Z"})  # List 62
# List 49
WORLD, REST = "WORLD", "ROW"
EURO_ZONE = "ECZ"
# fmt: off
EURO_COUNTRIES = (
    "AD", "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU",
    "LV", "MC", "ME", "MT", "NL", "PT", "SI", "SK", "SM", "VA", "XK",
)
# fmt: on
_AMOUNT = re.compile(r"(?P<whole>[0-9]{1,12})(?:(?P<mark>[.,])(?P<part>[0-9]{1,12}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PERCENT = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,4})?")
MINOR_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Supply:
    """What the block tells: `availability` and `status` are of lists 65 and 68, empty if untold.

    `expected` is the first day on which a supplier who can be asked expects to have it.
    """

    availability: str
    status: str
    prices: tuple[Price, ...]
    published: date | None
    embargo: date | None
    expected: date | None


def supply(blocks: list[Parts]) -> Supply:
    """Reads the block's ProductSupply composites, one for each market.

    Raises Refusal for a price or an embargo that cannot be read.
    """
    offers: list[tuple[str, list[tuple[str, str]]]] = []
    told: list[tuple[str, str]] = []
    statuses: list[str] = []
    prices: dict[Price, None] = {}
    for block in blocks:
        for market in within(block, "MarketPublishingDetail"):
            statuses += every(market, "MarketPublishingStatus")
            told += dates(market, "MarketDate", "MarketDateRole")
        territories = [
            territory
            for market in within(block, "Market")
            for territory in within(market, "Territory")
        ]
        for detail in within(block, "SupplyDetail"):
            due = dates(detail, "SupplyDate", "SupplyDateRole")
            told += [(role, written) for role, written in due if role == EMBARGO]
            offers.append((first(detail, "ProductAvailability"), due))
            prices.update(dict.fromkeys(_prices(detail, territories)))
    offers = [offer for offer in offers if offer[0]]
    availability, due = min(offers, key=lambda offer: _rank(offer[0]), default=("", []))
    return Supply(
        availability=availability,
        status=next(iter(statuses), ""),
        prices=tuple(prices),
        published=publication(told),
        embargo=embargo(told),
        expected=min(
            (found for role, at in due if role == EXPECTED and (found := day(at))), default=None
        ),
    )


def _rank(availability: str) -> int:
    return BEST.index(availability) if availability in BEST else len(BEST)


def _prices(detail: Parts, markets: list[Parts]) -> Iterator[Price]:
    for found in within(detail, "Price"):
        kind = first(found, "PriceType") or UNTOLD_TYPE
        if kind in RETAIL and _for_everybody(found):
            price = _price(found, kind, within(found, "Territory") or markets)
            promoted = first(found, "PriceQualifier") == PROMOTION
            if price is not None and (not promoted or price.starts or price.ends):
                yield price


def _for_everybody(found: Parts) -> bool:
    if first(found, "UnpricedItemType") or not first(found, "PriceAmount"):
        return False
    conditions = {
        code
        for condition in within(found, "PriceCondition")
        for code in every(condition, "PriceConditionType")
    }
    return (
        first(found, "PriceQualifier") in EVERYBODY | {PROMOTION}
        and first(found, "MinimumOrderQuantity") in {"", "0", "1"}
        and conditions.isdisjoint(CONDITIONAL)
    )


def _price(found: Parts, kind: str, territories: list[Parts]) -> Price | None:
    """A price; None where it is nothing, or holds in no country."""
    currency = first(found, "CurrencyCode")
    if not _CURRENCY.fullmatch(currency):
        told = f"the currency {currency}" if currency else "no currency"
        raise Refusal(f"A price has {told}: CurrencyCode must be three letters, such as EUR.")
    amount = _amount(first(found, "PriceAmount"), currency, with_tax=kind[-1] in "02468")
    places = _places(territories)
    if amount == 0 or places is None:
        return None
    starts, ends = _days(found)
    rate, percent = _tax(found)
    return Price(
        currency=currency,
        amount=amount,
        type=kind,
        tax=rate,
        tax_percent=percent,
        starts=starts,
        ends=ends,
        countries=places[0],
        excluded=places[1],
    )


def _amount(written: str, currency: str, *, with_tax: bool) -> int:
    """An amount in minor units. Raises Refusal.

    Some write a decimal comma. A price without tax may have more digits than its currency: it is
    rounded; one with tax is what the customer pays, and has no more than there are coins.
    """
    found = _AMOUNT.fullmatch(written)
    if found is not None and (found["mark"] != "," or len(found["part"]) <= MINOR_DIGITS):
        exact = Decimal(f"{found['whole']}.{found['part'] or 0}").scaleb(decimals(currency))
        amount = exact.quantize(Decimal(1), ROUND_HALF_UP)
        if amount == exact or not with_tax:
            return int(amount)
    raise Refusal(f"A price is {written} {currency}: write PriceAmount as a number such as 12.99.")


def _days(found: Parts) -> tuple[date | None, date | None]:
    """The first and the last day of a price. Raises Refusal."""
    starts = ends = None
    for role, written in dates(found, "PriceDate", "PriceDateRole"):
        first_day = last_day = None
        if role == FROM:
            first_day = written
        elif role == UNTIL:
            last_day = written
        elif role == FROM_UNTIL:
            first_day, last_day = spread(written) or (written, written)
        if first_day is not None:
            starts = binding(first_day, "The first day of a price")
        if last_day is not None:
            ends = binding(last_day, "The last day of a price", last=True)
    return starts, ends


def _tax(found: Parts) -> tuple[str | None, str | None]:
    for tax in within(found, "Tax"):
        rate, percent = first(tax, "TaxRateCode"), first(tax, "TaxRatePercent")
        percent = f"{Decimal(percent).normalize():f}" if _PERCENT.fullmatch(percent) else ""
        if percent or rate in TAX_RATES:
            return rate if rate in TAX_RATES else None, percent or None
    return None, None


def _places(territories: list[Parts]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The countries in which a price holds (none for all), and those in which it does not.

    None where it holds in none. The rest of the world is where no other price holds: a price that
    is made for a country goes before one for all, so that it is the same here as the world.
    """
    if not territories:
        return (), ()
    included: dict[str, None] = {}
    excluded: dict[str, None] = {}
    everywhere = False
    for territory in territories:
        countries = _codes(territory, "CountriesIncluded")
        for region in _codes(territory, "RegionsIncluded"):
            if region in {WORLD, REST}:
                everywhere = True
            elif region == EURO_ZONE:
                countries += EURO_COUNTRIES
            else:
                countries.append(region.partition("-")[0])
        # Some write WORLD among the countries.
        everywhere = everywhere or WORLD in countries
        included.update(dict.fromkeys(filter(_COUNTRY.fullmatch, countries)))
        excluded.update(dict.fromkeys(_codes(territory, "CountriesExcluded")))
    left_out = tuple(code for code in excluded if code not in included and _COUNTRY.fullmatch(code))
    if everywhere:
        return (), left_out
    return (tuple(included), ()) if included else None


def _codes(territory: Parts, name: str) -> list[str]:
    return " ".join(every(territory, name)).split()
