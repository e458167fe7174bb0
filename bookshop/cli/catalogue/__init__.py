"""Commands that import and export books."""
