"""Webhooks: `/webhooks/stripe`, to which Stripe sends events."""

from __future__ import annotations

from pyramid.config import Configurator

from bookshop.webhooks.resources import Webhooks


def includeme(config: Configurator) -> None:
    """Add `/webhooks` to the resource tree."""
    config.add_branch("webhooks", Webhooks)
