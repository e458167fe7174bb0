"""The orders' branch of the tree: `/orders` and `/orders/{number}`."""

from __future__ import annotations

from bookshop.web.resources import Resource


class Orders(Resource):
    """Where orders are asked for: `/orders/`."""

    def child(self, name: str) -> Resource | None:
        """The place of that number. Whether an order is there, its view tells whom it may."""
        return OrderPlace(self.request)


class OrderPlace(Resource):
    """Where the page of an order would be: `/orders/{number}`, whatever the number."""
