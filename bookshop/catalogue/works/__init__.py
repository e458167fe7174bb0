"""What lists show: listings, the rows of lists, grouped by work."""
