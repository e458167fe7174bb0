"""Refunds: requested here, executed at Stripe."""
