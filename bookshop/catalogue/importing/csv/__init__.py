"""Imports and exports books as CSV."""
