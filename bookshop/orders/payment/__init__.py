"""Orders and their PaymentIntents: created, synchronized with Stripe, expired."""
