"""A gateway to a Stripe that does what a test says."""

from tests.unit.payments.fixtures import counterpart, make_gateway, visits

__all__ = ["counterpart", "make_gateway", "visits"]
