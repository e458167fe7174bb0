"""The resources `/orders/` and `/orders/{number}`."""

from __future__ import annotations

from bookshop.web.resources import Resource


class Orders(Resource):
    """`/orders/`, with the form that requests a link."""

    address = "/orders/"

    def child(self, name: str) -> Resource | None:
        """Return a resource for any number; its view checks access."""
        return OrderResource(self.request)


class OrderResource(Resource):
    """`/orders/{number}`, whether or not there is such an order."""

    address = "/orders/{number}"
