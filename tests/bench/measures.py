"""Throughput of webhook deliveries and purchases."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.demo_books import MOSS
from tests.load.deliveries import CONCURRENCY, deliver
from tests.load.fleet import Fleet
from tests.load.payments import events, go_on, placed, repeated, shuffled
from tests.load.people import Buyer, read

ORDERS = 120
TWICE = 0.2  # of the deliveries
PURCHASES = 120
CUSTOMERS = 8  # at once
WARM_UP = 0.1  # of what is measured, before it


def deliveries(fleet: Fleet) -> float:
    """Return webhook deliveries a second, 16 at once, a fifth of them duplicates, in random order.

    Deliveries that have to be repeated do not count.
    """
    go_on(placed(fleet, MOSS, ORDERS))
    sent = events(fleet)
    payloads = shuffled(sent + repeated(sent, TWICE))
    first = round(len(payloads) * WARM_UP)
    deliver(fleet, payloads[:first])
    return deliver(fleet, payloads[first:]).a_second


def purchases(fleet: Fleet) -> float:
    """Purchases a second by 8 customers at once: the checkout page, Pay, the card, the receipt."""
    for number in (round(PURCHASES * WARM_UP), PURCHASES):
        began = time.perf_counter()
        with ThreadPoolExecutor(CUSTOMERS) as crowd:
            list(crowd.map(lambda place: _buy(fleet, place), range(number)))
        seconds = time.perf_counter() - began
    return PURCHASES / seconds


def _buy(fleet: Fleet, place: int) -> None:
    with Buyer(fleet.urls[place % len(fleet.urls)], fleet.sandbox.url) as buyer:
        page = read(buyer.checkout(MOSS))
        held = buyer.press_pay(page, "ada@reader.example")
        confirmed = buyer.confirm(page)
        success = buyer.success(page)
        if (held.status, confirmed["status"], success.status) != (200, "succeeded", 200):
            message = f"a purchase failed: {held.status}, {confirmed['status']}, {success.status}"
            raise RuntimeError(message)


#: Measures by their name in the table.
MEASURES: dict[str, Callable[[Fleet], float]] = {
    f"webhook deliveries, {CONCURRENCY} at once": deliveries,
    f"purchases, {CUSTOMERS} customers at once": purchases,
}
