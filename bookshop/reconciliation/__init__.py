"""Reconciliation: Stripe and the orders compared, and repaired where that is safe."""
