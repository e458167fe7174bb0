"""The interface of mail transports, and their errors."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol


class DeliveryError(Exception):
    """The message was not delivered; the worker tries again later.

    `summary` names the failed step and the reason without personal data, so it may be logged.
    `answer` is the mail server's reply, which may contain the recipient's address.
    """

    def __init__(self, summary: str, answer: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.answer = answer


class RefusedError(DeliveryError):
    """The mail server refuses this message permanently; trying again does not help."""


class OutageError(DeliveryError):
    """The mail server accepts no message at present, so no other message is tried either."""


class SettingsRefusedError(OutageError):
    """The mail server accepts no message until the `mail.*` settings are corrected."""


class Transport(Protocol):
    """Delivers a message from its one sender (From) to its one recipient (To)."""

    def deliver(self, message: EmailMessage) -> None:
        """Return once the message has been accepted. Raises DeliveryError."""
        ...
