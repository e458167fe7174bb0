"""Which rate applies to a sale, from where the shop is registered and where the goods go.

Directive 2006/112/EC: articles 33 and 58 (sales to consumers in other member states), 59c (the
threshold of 10,000 euros), 138 and 196 (business customers), 146 (exports).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from bookshop.destinations import Destination
from bookshop.pricing.tax import UNTAXED, TaxCode, TaxRate
from bookshop.products import ProductClass
from bookshop.tax.rates import RateTable
from bookshop.tax.territories import NORTHERN_IRELAND, is_member_state, tax_territory

#: A registration for the One Stop Shop: the rates of all member states apply.
ONE_STOP_SHOP = "oss"
_ZERO = Decimal(0)
_UNITED_KINGDOM = frozenset({"GB", NORTHERN_IRELAND})


@dataclass(frozen=True)
class TaxRegistrations:
    """Where the shop is established (GB, DE), and where else it pays tax: territories, or oss."""

    country: str
    others: frozenset[str] = frozenset()


class TaxRules:
    """The rates of one shop; without registrations it calculates no tax."""

    def __init__(self, registrations: TaxRegistrations | None, table: RateTable) -> None:
        self._registrations = registrations
        self._table = table

    def rate(
        self,
        destination: Destination,
        product: ProductClass,
        day: date,
        *,
        is_business: bool = False,
    ) -> TaxRate:
        """Return the rate for a product that goes there on a day of the shop.

        `is_business` is true for a customer whose VAT number is confirmed.
        """
        if self._registrations is None:
            return UNTAXED
        place = tax_territory(destination, download=product.is_download)
        payable_in = _payable_in(self._registrations, place, product, is_business=is_business)
        if isinstance(payable_in, TaxCode):
            return TaxRate(_ZERO, payable_in, place)
        region = destination.region if payable_in == destination.country else ""
        found = self._table.find(payable_in, product, day, region)
        return found.rate if found else UNTAXED


def _payable_in(
    registrations: TaxRegistrations, place: str, product: ProductClass, *, is_business: bool
) -> str | TaxCode:
    """Return the territory whose tax is payable, or the reason why none is."""
    home, others = registrations.country, registrations.others
    if place == home or {place, home} == _UNITED_KINGDOM:
        return home
    if is_member_state(home) and is_member_state(place):
        if is_business:
            return TaxCode.REVERSE_CHARGE if product.is_download else TaxCode.INTRA_COMMUNITY
        return place if others & {place, ONE_STOP_SHOP} else home
    has_scheme = ONE_STOP_SHOP in others and product.is_download and is_member_state(place)
    if place in others or has_scheme:
        return TaxCode.REVERSE_CHARGE if is_business else place
    return TaxCode.OUTSIDE if product.is_download else TaxCode.EXPORT
