"""Prices of orders as pure functions: totals, charges, tax, and what refunds give back."""
