"""HTTP transport to Stripe: one connection pool, and one deadline for each operation."""

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
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from bookshop import clock
from bookshop.json_text import storable_json

CONNECT_TIMEOUT = 3.0  # seconds
# Not the generator that all code of a process shares: seeding that one would align the retries.
_RANDOM = random.Random()  # noqa: S311 - not for security  # nosec B311
MINIMUM_ATTEMPT = 0.05  # seconds that must remain for another attempt


class PooledHTTPClient(stripe.HTTPClient):
    """The SDK's transport on urllib3; its default waits 80 seconds and pools less well.

    Every request belongs to an `operation()`, whose deadline bounds it and the SDK's retries.
    """

    name = "urllib3"
    INITIAL_DELAY = 0.2
    MAX_DELAY = 1

    def __init__(self, timeout: float, connections: int) -> None:
        """Take the time-out of an operation, in seconds, and the size of the pool."""
        super().__init__()
        self._timeout = timeout
        self._local = threading.local()
        self._pool = urllib3.PoolManager(
            maxsize=connections, block=False, ca_certs=stripe.ca_bundle_path, retries=False
        )

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Bound all requests that this thread makes inside by one time-out."""
        self._local.deadline = time.monotonic() + self._timeout
        self._local.request_id = None
        try:
            yield
        finally:
            del self._local.deadline

    @property
    def request_id(self) -> str | None:
        """Stripe's id of this thread's last request, which its dashboard can search for."""
        request_id: str | None = getattr(self._local, "request_id", None)
        return request_id

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which Stripe's clock is ahead, from its last response to this thread."""
        date = getattr(self._local, "date", None)
        try:
            return date and (parsedate_to_datetime(date) - clock.now()).total_seconds()
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
        """Make one attempt.

        Raises stripe.APIConnectionError, which the SDK retries while there is time left.
        """
        remaining = self._local.deadline - time.monotonic()
        if remaining < MINIMUM_ATTEMPT:
            self._fail("no time left for another attempt", retry=False)
        timeout = urllib3.Timeout(connect=min(CONNECT_TIMEOUT, remaining), total=remaining)
        try:
            with self._pool.request(
                method.upper(),
                url,
                headers=headers,
                body=post_data,
                timeout=timeout,
                redirect=False,
                preload_content=False,
            ) as response:
                self._local.request_id = response.headers.get("Request-Id")
                self._local.date = response.headers.get("Date")
                body = b"".join(self._read_until_deadline(response))
        except Urllib3TimeoutError as err:
            self._fail(type(err).__name__, retry=False)
        except (HTTPError, MaxRetryError) as err:
            self._fail(type(err).__name__, retry=True)
        # The SDK looks headers up in lower case; urllib3's mapping ignores case.
        return storable_json(body), response.status, response.headers

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()

    def _read_until_deadline(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """Yield the body as it arrives: urllib3 bounds each read, not their sum."""
        while chunk := response.read1():
            if time.monotonic() > self._local.deadline:
                self._fail("the response arrived too slowly", retry=False)
            yield chunk
        if response.length_remaining:
            self._fail("the response was truncated", retry=True)

    def _sleep_time_seconds(self, num_retries: int) -> float:
        # Overrides the SDK's method, which ignores our delays and the deadline.
        delay: float = min(self.INITIAL_DELAY * 2 ** (num_retries - 1), self.MAX_DELAY)
        remaining: float = max(0, self._local.deadline - time.monotonic())
        jitter = _RANDOM.uniform(0.5, 1)
        return min(delay * jitter, remaining)

    def _fail(self, reason: str, *, retry: bool) -> NoReturn:
        message = f"Stripe could not be reached: {reason}"
        raise stripe.APIConnectionError(message, should_retry=retry)  # type: ignore[no-untyped-call]
