"""Commands about orders and their money."""
