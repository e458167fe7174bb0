"""Waiting for a condition instead of sleeping for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

TIMEOUT = 60  # seconds after which a test fails: many, since the machine may be busy


def until(look: Callable[[], Found], timeout: float = TIMEOUT) -> Found:
    """Return the first true result of `look`; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found
