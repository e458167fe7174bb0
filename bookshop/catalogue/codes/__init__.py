"""Labels for the codes of the book trade."""
