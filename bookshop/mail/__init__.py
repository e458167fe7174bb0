"""E-mail: an outbox written with what causes an e-mail, and a worker that delivers it."""
