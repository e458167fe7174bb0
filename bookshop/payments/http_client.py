"""How requests travel to Stripe: one pool of connections, and a deadline for each visit."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import stripe
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.exceptions import TimeoutError as WaitedTooLongError

from bookshop import clock

CONNECT_TIMEOUT = 3.0  # seconds
LEAST_WAIT = 0.05


class PooledClient(stripe.HTTPClient):
    """The SDK's transport on urllib3, since its default waits 80 seconds and pools less well.

    The SDK's retries happen inside `visit`, which bounds them all together.
    """

    name = "urllib3"
    INITIAL_DELAY = 0.2
    MAX_DELAY = 1

    def __init__(self, timeout: float, connections: int) -> None:
        super().__init__()
        self._timeout = timeout
        self._local = threading.local()
        self._pool = urllib3.PoolManager(
            maxsize=connections, block=False, ca_certs=stripe.ca_bundle_path, retries=False
        )

    @contextmanager
    def visit(self) -> Iterator[None]:
        """Everything this thread asks for inside is done or given up within the time-out."""
        self._local.deadline = time.monotonic() + self._timeout
        self._local.request_id = None
        try:
            yield
        finally:
            del self._local.deadline

    @property
    def request_id(self) -> str | None:
        """What Stripe calls the last request of this thread; its dashboard finds it by that."""
        found: str | None = getattr(self._local, "request_id", None)
        return found

    @property
    def ahead(self) -> float | None:
        """By how many seconds Stripe's clock is ahead, by its last answer to this thread."""
        said = getattr(self._local, "date", None)
        try:
            return said and (parsedate_to_datetime(said) - clock.now()).total_seconds()
        except ValueError:
            return None

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[Any, int, Mapping[str, str]]:
        """One attempt. Raises stripe.APIConnectionError, retryable while there is time left."""
        left = self._local.deadline - time.monotonic()
        if left < LEAST_WAIT:
            self._give_up("no time was left for another attempt", retry=False)
        timeout = urllib3.Timeout(connect=min(CONNECT_TIMEOUT, left), total=left)
        try:
            with self._pool.request(
                method.upper(),
                url,
                headers=headers,
                body=post_data,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            ) as answer:
                self._local.request_id = answer.headers.get("Request-Id")
                self._local.date = answer.headers.get("Date")
                body = b"".join(self._in_time(answer))
        except WaitedTooLongError as err:
            self._give_up(type(err).__name__, retry=False)
        except (HTTPError, MaxRetryError) as err:
            self._give_up(type(err).__name__, retry=True)
        # The SDK looks headers up in lower case; urllib3's mapping ignores case.
        return body, answer.status, answer.headers

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()

    def _in_time(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """The body as it arrives: urllib3 bounds each wait, and not all of them together."""
        while chunk := answer.read1():
            if time.monotonic() > self._local.deadline:
                self._give_up("the answer came too slowly", retry=False)
            yield chunk
        if answer.length_remaining:
            self._give_up("the answer was cut off", retry=True)

    def _sleep_time_seconds(self, num_retries: int) -> float:
        # The SDK's own reads the delays of its base class, and knows of no deadline.
        delay: float = min(self.INITIAL_DELAY * 2 ** (num_retries - 1), self.MAX_DELAY)
        left: float = max(0, self._local.deadline - time.monotonic())
        return min(delay * random.uniform(0.5, 1), left)  # noqa: S311 - of a pause  # nosec B311

    def _give_up(self, reason: str, *, retry: bool) -> NoReturn:
        message = f"Stripe could not be reached: {reason}"
        raise stripe.APIConnectionError(message, should_retry=retry)  # type: ignore[no-untyped-call]
