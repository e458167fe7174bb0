"""The order page, and the form that requests a new link to it."""
