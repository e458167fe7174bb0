"""Delivery: where the shop delivers, by which methods, and at what price."""
