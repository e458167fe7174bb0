"""Three hundred people want ten copies, and four processes sell them."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.demo_books import EBOOK, LAST_COPY, MOSS
from tests.load.people import Buyer, read
from tests.load.truth import facts
from tests.properties.invariants import ALWAYS, check

COPIES, BUYERS, SERVERS = 10, 300, 4
TIMEOUT = 120  # seconds that the slowest of them may take


@dataclass
class Outcome:
    """How it went for one of them."""

    end: int  # the status with which the shop let go
    intent: str | None
    paid: bool
    answers: Counter


def until_answered(deadline, ask):
    """Do as a page that is busy says: again."""
    while (answer := ask()).status == 503 and time.monotonic() < deadline:
        pass
    return answer


def buy(fleet, place, gate, deadline) -> Outcome:
    with Buyer(fleet.urls[place % SERVERS], fleet.sandbox.url) as buyer:
        gate.wait()
        shown = until_answered(deadline, lambda: buyer.checkout(MOSS))
        if shown.status != 200:
            return Outcome(shown.status, None, False, buyer.answers)
        page = read(shown)
        email = f"reader{place}@reader.example"
        held = until_answered(deadline, lambda: buyer.press_pay(page, email))
        if held.status != 200:
            return Outcome(held.status, page.intent, False, buyer.answers)
        assert buyer.confirm(page)["status"] == "succeeded"
        success = until_answered(deadline, lambda: buyer.success(page))
        return Outcome(success.status, page.intent, True, buyer.answers)


def test_of_ten_copies_ten_are_sold_to_three_hundred_buyers(make_fleet):
    fleet = make_fleet(SERVERS)
    copies = {MOSS: COPIES, LAST_COPY: 1, EBOOK: None}
    fleet.stock(copies)
    gate = threading.Barrier(BUYERS)
    deadline = time.monotonic() + TIMEOUT

    with ThreadPoolExecutor(BUYERS) as crowd:
        outcomes = list(crowd.map(lambda place: buy(fleet, place, gate, deadline), range(BUYERS)))

    answers = sum((outcome.answers for outcome in outcomes), Counter())
    assert {status for _, status in answers} <= {200, 409, 503}, fleet.errors()
    ends = Counter((outcome.end, outcome.paid) for outcome in outcomes)
    assert ends == {(200, True): COPIES, (409, False): BUYERS - COPIES}
    found = facts(fleet, copies)
    check(found, ALWAYS)
    (moss,) = [book for book in found.books if book["sku"] == MOSS]
    assert (moss["stock"], moss["reserved"]) == (0, 0)
    payers = {outcome.intent for outcome in outcomes if outcome.paid}
    orders = [order for order in found.orders if order["status"] == "paid"]
    assert {order["payment_intent"] for order in orders} == payers
    charged = [charge["payment_intent"] for charge in found.stripe.charges]
    assert sorted(charged) == sorted(payers)
