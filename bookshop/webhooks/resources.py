"""The `/webhooks` branch of the resource tree."""

from __future__ import annotations

from bookshop.web.resources import Resource


class Webhooks(Resource):
    """`/webhooks`: endpoints to which other services send events."""

    address = "/webhooks"


def webhook_url(shop_url: str) -> str:
    """Return the address to which Stripe sends the events of the shop at `shop_url`."""
    return f"{shop_url}/webhooks/stripe"
