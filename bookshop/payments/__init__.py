"""Stripe: the only package that imports `stripe`. It does not depend on books or orders."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.payments.gate import stripe_caller
from bookshop.payments.stripe_js import add_payment_sources


def includeme(config: Configurator) -> None:
    """Add the view option `stripe`, and `allow_stripe()`, which lets a page load Stripe.js."""
    config.add_view_deriver(stripe_caller)
    config.add_request_method(add_payment_sources, "allow_stripe")
