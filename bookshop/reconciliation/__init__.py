"""Reconciliation: compares Stripe with the orders, and repairs what can be repaired safely."""
