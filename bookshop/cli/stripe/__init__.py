"""Commands about Stripe: events, webhook endpoints, the sandbox."""
