"""The message for a visitor who has exceeded a rate limit."""

from __future__ import annotations

from typing import Any

from bookshop.i18n import _

MINUTE = 60  # seconds


def retry_message(seconds: int) -> Any:
    """Return the translatable message. `seconds` is the time after which to try again."""
    if seconds <= MINUTE:
        return _(
            "Too many attempts. You have not been charged. Please try again in ${seconds} seconds.",
            mapping={"seconds": seconds},
        )
    return _(
        "Too many attempts. You have not been charged. Please try again in ${minutes} minutes.",
        mapping={"minutes": -(-seconds // MINUTE)},
    )
