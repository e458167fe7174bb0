"""Events and their delivery to webhook endpoints."""
