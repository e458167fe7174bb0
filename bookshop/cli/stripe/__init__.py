"""Commands for Stripe: events, webhook endpoints, the sandbox."""
