"""Stripe's HTTP API as the sandbox answers it: authentication, parameters, idempotency, errors."""
