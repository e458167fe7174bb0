"""What carries a mail away, and the ways in which that fails."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol


class DeliveryError(Exception):
    """The mail could not be handed over; it is tried again.

    `summary` says where it failed and how, without any personal datum: it may be logged.
    `answer` is what the mail server said, which may well repeat an address.
    """

    def __init__(self, summary: str, answer: str = "") -> None:
        super().__init__(summary)
        self.summary = summary
        self.answer = answer


class RefusedError(DeliveryError):
    """The mail server will never take this mail for this recipient."""


class OutageError(DeliveryError):
    """The mail server takes no mail at present: the others need not be tried either."""


class SettingsRefusedError(OutageError):
    """It will not take any before somebody changes the `mail.` settings."""


class Transport(Protocol):
    """Takes a message for its one recipient (To), from its one sender (From)."""

    def deliver(self, message: EmailMessage) -> None:
        """Hand the message over; it has been accepted on return. Raises DeliveryError."""
        ...
