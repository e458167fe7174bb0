"""The shop's own decisions about a book, which take precedence over the trade's record."""

from __future__ import annotations

import msgspec
from msgspec import structs

from bookshop.catalogue.edition import BLOCKED, Edition, Part, Price, Restriction


class ShopDecisions(Part, frozen=True):
    """What the shop has decided; the default values leave everything to the trade's record.

    `prices` are the shop's own, at most one for each currency. `description` is sanitised HTML. A
    `blocked` book is not for sale.
    """

    prices: tuple[Price, ...] = ()
    description: str | None = None
    blocked: bool = False


UNDECIDED = ShopDecisions()
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ShopDecisions).decode


def encode(decisions: ShopDecisions) -> str:
    """Return decisions as JSON; equal decisions have equal JSON."""
    return _encode(decisions).decode()


def decode(text: str) -> ShopDecisions:
    """Return the decisions that `encode` wrote. Raises msgspec.DecodeError."""
    return _decode(text)


def decided(edition: Edition, decisions: ShopDecisions | None) -> Edition:
    """Return an edition as the shop sells it: its decisions replace what the trade says.

    An own price replaces all prices of its currency, of every supplier.
    """
    if decisions is None or decisions == UNDECIDED:
        return edition
    restrictions = edition.restrictions
    if decisions.blocked:
        restrictions = (*restrictions, Restriction(BLOCKED))
    return structs.replace(
        edition,
        prices=_with_own(edition.prices, decisions.prices),
        offers=tuple(
            structs.replace(offer, prices=_with_own(offer.prices, decisions.prices))
            for offer in edition.offers
        ),
        description=(
            edition.description if decisions.description is None else decisions.description
        ),
        restrictions=restrictions,
    )


def _with_own(prices: tuple[Price, ...], own: tuple[Price, ...]) -> tuple[Price, ...]:
    currencies = {price.currency for price in own}
    return (*(price for price in prices if price.currency not in currencies), *own)
