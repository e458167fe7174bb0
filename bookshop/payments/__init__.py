"""The one door to Stripe: nothing else imports `stripe`, and nothing here knows an order."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.payments.gateway import Gateway
from bookshop.payments.stripe_js import add_payment_sources


def includeme(config: Configurator) -> None:
    """Give the registry its `payments`, and requests `allow_stripe()` for their page's policy."""
    settings = config.registry.bookshop.stripe
    config.registry.payments = Gateway(settings)
    config.add_request_method(add_payment_sources, "allow_stripe")
