"""Stripe's events: `/webhooks/stripe`."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.webhooks.resources import Webhooks


def includeme(config: Configurator) -> None:
    """Hang `/webhooks` on the tree."""
    config.add_branch("webhooks", Webhooks)
