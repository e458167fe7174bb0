"""How somebody is told to wait."""

from __future__ import annotations

from typing import Any

from bookshop.i18n import _

MINUTE = 60  # seconds


def too_often(seconds: int) -> Any:
    """What to say to whoever has tried too often, and may again after so many seconds."""
    if seconds <= MINUTE:
        return _(
            "Too many attempts. You haven’t been charged. Please try again in ${seconds} seconds.",
            mapping={"seconds": seconds},
        )
    return _(
        "Too many attempts. You haven’t been charged. Please try again in ${minutes} minutes.",
        mapping={"minutes": -(-seconds // MINUTE)},
    )
