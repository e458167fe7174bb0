"""Stock: how many copies of a book there are, and how many of them are reserved."""
