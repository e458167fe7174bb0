"""The Stripe objects that the sandbox keeps: PaymentIntents, charges, refunds, disputes."""
