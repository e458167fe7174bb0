"""The webhooks' branch of the tree."""

from __future__ import annotations

from bookshop.web.resources import Resource


class Webhooks(Resource):
    """Where others tell the shop what happened: `/webhooks`."""


def address(shop: str) -> str:
    """Where Stripe sends events of the shop at that address."""
    return f"{shop}/webhooks/stripe"
