"""Sales rights and sales restrictions: where the publisher forbids selling to consumers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from bookshop.catalogue.edition import NO_RIGHTS, RESTRICTED, Restriction
from bookshop.catalogue.importing.onix.blocks.dates import parse_date
from bookshop.catalogue.importing.onix.blocks.territories import (
    EVERYWHERE,
    Countries,
    banned_in,
    granted_in,
)
from bookshop.catalogue.importing.onix.tags import Composite, composites, first_text

# List 46. Other types forbid the sale, or are not understood.
FOR_SALE = frozenset({"01", "02"})
FOR_RESTRICTED_SALE = frozenset({"07", "08"})  # a SalesRestriction says more
UNKNOWN_RIGHTS = frozenset({"", "00"})
# List 71: restrictions that do not concern an online shop for consumers: except to libraries, named
# retailers, subscription services or schools; through online retail only; except print on demand.
IRRELEVANT = frozenset({"09", "11", "12", "15", "16", "19", "20", "99"})


def publisher_restrictions(block: Composite) -> Iterator[Restriction]:
    """Yield the bans of a PublishingDetail: where there are no rights, and other restrictions."""
    rights = composites(block, "SalesRights")
    banned = _without_rights(rights, block)
    if banned is not None:
        yield Restriction(NO_RIGHTS, countries=banned.included, excluded=banned.excluded)
    for right in rights:
        yield from sales_restrictions(right, composites(right, "Territory"))
    restricted = [
        territory
        for right in rights
        if first_text(right, "SalesRightsType") in FOR_RESTRICTED_SALE
        for territory in composites(right, "Territory")
    ]
    yield from sales_restrictions(block, restricted)


def sales_restrictions(parent: Composite, territories: list[Composite]) -> Iterator[Restriction]:
    """Yield the restrictions of SalesRights, of a Market or of a PublishingDetail.

    They hold in `territories`, or everywhere if there are none. Dates that cannot be parsed do not
    limit a restriction.
    """
    for restriction in composites(parent, "SalesRestriction"):
        if first_text(restriction, "SalesRestrictionType") not in IRRELEVANT:
            where = banned_in(territories)
            yield Restriction(
                RESTRICTED,
                starts=parse_date(first_text(restriction, "StartDate")),
                ends=parse_date(first_text(restriction, "EndDate"), last=True),
                countries=where.included,
                excluded=where.excluded,
            )


def _without_rights(rights: list[Composite], block: Composite) -> Countries | None:
    """Return the countries where the book may not be sold; None if it may be sold everywhere."""
    elsewhere = first_text(block, "ROWSalesRightsType")
    if not rights and elsewhere in UNKNOWN_RIGHTS:
        return None
    allowed: list[Countries] = []
    forbidden: list[Countries] = []
    for right in rights:
        territories = composites(right, "Territory")
        if _allows_sale(right, block):
            allowed.append(granted_in(territories))
        else:
            forbidden.append(banned_in(territories))
    # Rights for other countries alone give none here; bans elsewhere forbid nothing here.
    unrestricted = elsewhere in UNKNOWN_RIGHTS and not allowed
    if unrestricted or elsewhere in FOR_SALE | FOR_RESTRICTED_SALE:
        allowed.append(EVERYWHERE)
    return _denied(tuple(allowed), tuple(forbidden))


# The records of a feed have few different rights, some of them with 250 countries.
@lru_cache(maxsize=256)
def _denied(allowed: tuple[Countries, ...], forbidden: tuple[Countries, ...]) -> Countries | None:
    """Return the countries that are not allowed; None if all are."""
    named = dict.fromkeys(
        code for each in (*allowed, *forbidden) for code in (*each.included, *each.excluded)
    )
    denied = tuple(code for code in named if not _may_sell(code, allowed, forbidden))
    if _may_sell("", allowed, forbidden):
        return Countries(denied) if denied else None
    return Countries((), tuple(code for code in named if code not in denied))


def _allows_sale(right: Composite, block: Composite) -> bool:
    right_type = first_text(right, "SalesRightsType")
    explained = "SalesRestriction" in right or "SalesRestriction" in block
    return right_type in FOR_SALE or (right_type in FOR_RESTRICTED_SALE and explained)


def _may_sell(
    country: str, allowed: tuple[Countries, ...], forbidden: tuple[Countries, ...]
) -> bool:
    """True if sale is allowed in a country; "" is one that no right names.

    A right that names the country takes precedence over one for the rest of the world, and a ban
    over a permission of equal rank.
    """
    if any(country in each.included for each in forbidden):
        return False
    if any(country in each.included for each in allowed):
        return True
    return not any(each.cover(country) for each in forbidden) and any(
        each.cover(country) for each in allowed
    )
