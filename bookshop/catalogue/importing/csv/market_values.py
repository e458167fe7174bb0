"""Parses and formats the columns `offers` and `restrictions`, as the export writes them."""

from __future__ import annotations

import msgspec

from bookshop.catalogue.edition import BANS, Edition, Restriction, SupplierOffer
from bookshop.catalogue.importing.csv.column_values import Fields
from bookshop.catalogue.importing.records import RecordError

_encode = msgspec.json.Encoder().encode
_decode_offers = msgspec.json.Decoder(tuple[SupplierOffer, ...]).decode
_decode_restrictions = msgspec.json.Decoder(tuple[Restriction, ...]).decode


def format_offers(edition: Edition) -> str:
    """Return the offers of suppliers as JSON; empty if there are none."""
    return _encode(edition.offers).decode() if edition.offers else ""


def parse_offers(value: str) -> Fields:
    """Return the offers of suppliers from JSON. Raises RecordError."""
    try:
        return {"offers": _decode_offers(value)}
    except msgspec.DecodeError as error:
        raise RecordError("invalid_offers", f"The offers are not as exported: {error}.") from error


def format_restrictions(edition: Edition) -> str:
    """Return the restrictions as JSON; empty if there are none."""
    return _encode(edition.restrictions).decode() if edition.restrictions else ""


def parse_restrictions(value: str) -> Fields:
    """Return the restrictions from JSON. Raises RecordError."""
    try:
        restrictions = _decode_restrictions(value)
    except msgspec.DecodeError as error:
        reason = f"The restrictions are not as exported: {error}."
        raise RecordError("invalid_restrictions", reason) from error
    for restriction in restrictions:
        if restriction.reason not in BANS:
            known = ", ".join(BANS)
            reason = f"The reason {restriction.reason} is unknown: write one of {known}."
            raise RecordError("invalid_restrictions", reason)
    return {"restrictions": restrictions}
