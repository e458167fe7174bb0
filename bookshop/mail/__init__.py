"""The shop's mail: written to an outbox with what causes it, delivered by a postman afterwards."""
