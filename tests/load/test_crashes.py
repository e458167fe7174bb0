"""Servers die at any moment, with customers in the shop; nothing that was paid is lost."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from urllib3.exceptions import HTTPError

from tests.demo_books import EBOOK, LAST_COPY, MOSS
from tests.load.people import DEBIT, DECLINED, VISA, Buyer, read
from tests.load.truth import (
    RECONCILED,
    all_mail_arrives,
    facts,
    reconcile,
    time_passes,
    too_late,
)
from tests.properties.invariants import ALWAYS, SETTLED, check

COPIES = {MOSS: 100_000, LAST_COPY: 20, EBOOK: None}
SERVERS, CUSTOMERS = 2, 6
KILLS = 10  # before the books are balanced
MOST_ANSWERS = 30  # between one death and the next
TIMEOUT = 60  # seconds for these
CHANCE = random.Random()  # noqa: S311 - no secret is made of it
NOTHING = 0  # in place of a status, where the server died before it answered

#: What becomes of a customer who has a checkout page, and how often.
FATES = {
    "leave": 1,
    "press pay and leave": 1,
    "pay": 4,
    "pay and close the tab": 4,
    "be declined and pay": 2,
    "pay by debit": 2,
    "pay by debit which arrives": 1,
    "pay by debit which bounces": 1,
    "pay and dispute": 1,
    "pay and be refunded by Stripe": 2,
    "pay and be refunded by the shop": 1,
    "pay too late": 2,
}


class Trade:
    """Customers come and go, until the doors are closed."""

    def __init__(self, fleet) -> None:
        self._fleet = fleet
        self._closed = threading.Event()
        self._answered = threading.Condition()
        self.answers = Counter()
        self._pool = ThreadPoolExecutor(CUSTOMERS)
        self._crowd = [self._pool.submit(self._customers) for _ in range(CUSTOMERS)]

    def until_answered(self, more: int) -> None:
        """Wait until the shop has answered so many times more."""
        with self._answered:
            wanted = self.answers.total() + more
            assert self._answered.wait_for(lambda: self.answers.total() >= wanted, TIMEOUT)

    def close(self) -> None:
        """Wait until the last one has left."""
        self._closed.set()
        self._pool.shutdown()
        for each in self._crowd:
            each.result()

    def _customers(self) -> None:
        while not self._closed.is_set():
            place = CHANCE.randrange(SERVERS)
            with Buyer(self._fleet.urls[place], self._fleet.sandbox.url) as buyer:
                try:
                    self._visit(buyer)
                except HTTPError:
                    buyer.answers["", NOTHING] += 1
            with self._answered:
                self.answers += buyer.answers
                self._answered.notify_all()
            self._fleet.await_(place)

    def _visit(self, buyer) -> None:
        (fate,) = CHANCE.choices([*FATES], weights=FATES.values())
        shown = buyer.checkout(CHANCE.choice([*COPIES]))
        if shown.status != 200 or fate == "leave":
            return
        page = read(shown)
        # A mailbox of its own: one gets a few e-mails about unpaid orders a day.
        email = f"{page.form['order']}@reader.example"
        if buyer.press_pay(page, email).status != 200 or "leave" in fate:
            return
        self._pay(buyer, page, fate)
        if "tab" not in fate:
            buyer.success(page)
        self._think_again(page, fate)

    def _pay(self, buyer, page, fate) -> None:
        if "late" in fate:
            too_late(self._fleet, page.form["order"])
            buyer.checkout(MOSS)  # finds that the time is up
        if "declined" in fate:
            buyer.confirm(page, DECLINED)
        buyer.confirm(page, DEBIT if "debit" in fate else VISA)

    def _think_again(self, page, fate) -> None:
        stripe = self._fleet.sandbox
        if "arrives" in fate:
            stripe.settle(page.intent, "succeeded")
        elif "bounces" in fate:
            stripe.settle(page.intent, "failed")
        elif "dispute" in fate:
            stripe.dispute(page.intent)
        elif "by Stripe" in fate:
            stripe.refund(page.intent, CHANCE.choice([None, 100]))
        elif "by the shop" in fate:
            # By a command, which may die of it.
            refund = self._fleet.start("bookshop", "refund", page.form["order"], "--restock")
            refund.process.join(CHANCE.uniform(0.2, 1))
            refund.kill()


@pytest.mark.parametrize(
    ("database", "rounds"), [("sqlite", 5), ("postgresql", 2)], indirect=["database"]
)
def test_after_any_crash_every_payment_has_its_order_and_nothing_is_left_to_repair(
    make_fleet, rounds
):
    fleet = make_fleet(SERVERS)
    fleet.stock(COPIES)
    for number in range(rounds):
        if number % 2:
            fleet.sandbox.pause()  # and the events of this round come in the next
        else:
            fleet.sandbox.resume()
        trade = Trade(fleet)
        for _ in range(KILLS):
            trade.until_answered(CHANCE.randint(1, MOST_ANSWERS))
            place = CHANCE.randrange(SERVERS)
            fleet.kill(place)
            fleet.launch(place)
        trade.close()
        fleet.sandbox.pause()
        for place in range(SERVERS):
            fleet.await_(place)

        assert {status for _, status in trade.answers} <= {NOTHING, 200, 409, 503}, fleet.errors()
        reconcile(fleet)
        check(facts(fleet, COPIES), RECONCILED)
        time_passes(fleet)
        reconcile(fleet)
        all_mail_arrives(fleet)
        check(facts(fleet, COPIES), (*ALWAYS, *SETTLED))
