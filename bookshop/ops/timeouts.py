"""Asking what may hang, without hanging."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTimeError
from typing import Generic, TypeVar

DEADLINE = 2  # seconds

Answer = TypeVar("Answer")


class TooSlowError(Exception):
    """There was no answer in time."""


class TimeoutRunner(Generic[Answer]):
    """Asks in one thread of its own, and waits for no longer than a deadline.

    What hangs keeps that thread, and never one of those that serve.
    """

    def __init__(
        self, question: Callable[[], Answer], name: str, deadline: float = DEADLINE
    ) -> None:
        """`deadline` is in seconds, `name` is the thread's."""
        self._question = question
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._asking: Future[Answer] | None = None

    def ask(self) -> Answer:
        """The answer, or whatever the question raises. Raises TooSlowError."""
        asking = self._asking
        if asking is None or asking.done():
            asking = self._asking = self._pool.submit(self._question)
        try:
            return asking.result(self._deadline)
        except OutOfTimeError:
            if asking.done():
                raise
            raise TooSlowError from None
