"""Stock: how many copies there are, and which are reserved."""
