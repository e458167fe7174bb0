"""The catalogue's pages: index, list and book. They are the same for every visitor."""
