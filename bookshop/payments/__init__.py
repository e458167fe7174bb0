"""Stripe: the only package that imports `stripe`. It does not depend on books or orders."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.payments.stripe_js import add_payment_sources


def includeme(config: Configurator) -> None:
    """Give requests `allow_stripe()`, which lets their page load Stripe.js."""
    config.add_request_method(add_payment_sources, "allow_stripe")
