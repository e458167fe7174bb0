"""The terms on which a book is sold in the country of the shop."""
