"""Stripe's deliveries: so many at once, signed, to all servers in turn, again where they failed."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import urllib3

from bookshop.sandbox.webhooks.http_attempts import signature
from tests.load.fleet import Fleet
from tests.shops import WEBHOOK_SECRET

CONCURRENCY = 16
MOST = 20  # attempts on an event, on average, before it is said to be lost
TIMEOUT = 20  # seconds for an answer


@dataclass
class Delivered:
    """What the attempts were answered, and how many seconds all of it took."""

    answers: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def a_second(self) -> float:
        return self.answers[200] / self.seconds


def deliver(fleet: Fleet, payloads: list[bytes]) -> Delivered:
    """Deliver all of them until each has been taken."""
    waiting, outcome = deque(payloads), Delivered()
    servers = itertools.cycle(range(len(fleet.urls)))
    left = itertools.count(MOST * len(payloads), -1)

    def work() -> None:
        pools = [
            urllib3.connection_from_url(url, maxsize=1, retries=False, timeout=TIMEOUT)
            for url in fleet.urls
        ]
        while next(left) > 0:
            try:
                payload = waiting.popleft()
            except IndexError:
                break
            headers = {"Stripe-Signature": signature(WEBHOOK_SECRET, payload, int(time.time()))}
            began = time.perf_counter()
            answer = pools[next(servers)].request(
                "POST", "/webhooks/stripe", body=payload, headers=headers
            )
            outcome.slowest = max(outcome.slowest, time.perf_counter() - began)
            outcome.answers[answer.status] += 1
            if answer.status != 200:
                waiting.append(payload)
        for pool in pools:
            pool.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(CONCURRENCY) as crew:
        for worker in [crew.submit(work) for _ in range(CONCURRENCY)]:
            worker.result()
    outcome.seconds = time.perf_counter() - began
    return outcome
