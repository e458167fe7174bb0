"""E-mail: an outbox, written in the transaction that causes an e-mail, and a delivery worker."""
