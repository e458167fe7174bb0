"""A runner that bounds how long a caller waits for a function that may hang."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Generic, TypeVar

DEADLINE = 2  # seconds

Result = TypeVar("Result")


class DeadlineExceededError(Exception):
    """The function did not return in time."""


class TimeoutRunner(Generic[Result]):
    """Runs a function in one thread of its own, and waits no longer than the deadline.

    A call that hangs occupies that thread only, never one that serves requests. Callers that come
    while it runs wait for the same call.
    """

    def __init__(
        self, function: Callable[[], Result], thread_name: str, deadline: float = DEADLINE
    ) -> None:
        """`deadline` is in seconds."""
        self._function = function
        self._deadline = deadline
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=thread_name)
        self._running: Future[Result] | None = None

    def run(self) -> Result:
        """Return the function's result, or raise its error. Raises DeadlineExceededError."""
        future = self._running
        if future is None or future.done():
            future = self._running = self._pool.submit(self._function)
        try:
            return future.result(self._deadline)
        except FutureTimeoutError:
            if future.done():  # the function itself raised it
                raise
            raise DeadlineExceededError from None
