"""The trade's codes, with words of our own for each."""
