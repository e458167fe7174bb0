"""Spreadsheets of books saved as CSV: read into editions, and written."""
