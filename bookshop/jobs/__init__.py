"""Periodic background jobs."""
