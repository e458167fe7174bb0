"""Imports of ONIX and CSV feeds into the catalogue, and its export as CSV."""
