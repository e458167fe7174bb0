"""Checkout: `/checkout`, where an order is placed and paid, and `/success`, its outcome."""
