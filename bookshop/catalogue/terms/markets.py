"""Markets: which offers of an edition apply in a country."""

from __future__ import annotations

from msgspec import structs

from bookshop.catalogue.edition import NO_MARKET, Edition, Price, Restriction, SupplierOffer


def covers(part: Price | Restriction | SupplierOffer, country: str) -> bool:
    """True if a part of an edition applies in a country (ISO 3166)."""
    return country not in part.excluded and (not part.countries or country in part.countries)


def in_market(edition: Edition, country: str) -> Edition:
    """Return the edition as it is sold in a country: offers and publication date of its market.

    A market that names the country takes precedence over one for the rest of the world. Without an
    offer for the country, the result has a restriction.
    """
    if not edition.offers:
        return edition
    local = [offer for offer in edition.offers if covers(offer, country)]
    named = [offer for offer in local if offer.countries]
    if not local:
        no_market = Restriction(NO_MARKET)
        return structs.replace(edition, offers=(), restrictions=(*edition.restrictions, no_market))
    offers = tuple(named or local)
    dates = (offer.published for offer in offers)
    published = next(filter(None, dates), edition.published)
    return structs.replace(edition, offers=offers, published=published)
