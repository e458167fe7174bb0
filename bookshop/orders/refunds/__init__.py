"""Refunds: requests with their checks, execution at Stripe, and both in one step."""
