"""Finding books: full text, lists, what narrows them, and mended spelling."""
