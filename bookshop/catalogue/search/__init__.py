"""Search and lists: full text, filters, facets, pagination and spelling correction."""
