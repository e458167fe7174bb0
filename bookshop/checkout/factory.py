"""Builds the checkout service for a request."""

from __future__ import annotations

from pyramid.request import Request

from bookshop.checkout.limits import ClientLimits
from bookshop.checkout.service import Checkout
from bookshop.services import services


def checkout_for(request: Request) -> Checkout:
    """Return the checkout service of the session that sends this request."""
    shop = services(request)
    return Checkout(
        db=request.db,
        transactions=request.tm,
        gateway=shop.payments,
        catalogue=shop.catalogue,
        limits=ClientLimits(shop.rate_limiter, request, shop.settings.limits.reservations),
        session_id=request.session_id,
    )
