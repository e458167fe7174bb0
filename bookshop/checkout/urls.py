"""Addresses of the checkout's pages."""

from __future__ import annotations

from pyramid.request import Request

from bookshop.orders.snapshot import OrderSnapshot


def success_url(request: Request, intent_id: str) -> str:
    """Return the address of a payment's outcome; absolute, since Stripe redirects to it."""
    url: str = request.resource_url(request.root, "success", query={"pi": intent_id})
    return url


def resume_url(request: Request, order: OrderSnapshot) -> str:
    """Return the address at which an open order is paid."""
    url: str = request.resource_path(request.root, "checkout", query={"order": order.number})
    return url


def again_url(request: Request, order: OrderSnapshot) -> str:
    """Return the address at which another copy of an order's book is ordered."""
    query = {"item": order.lines[0].sku, "again": order.number}
    url: str = request.resource_path(request.root, "checkout", query=query)
    return url
