"""Many orders whose payments have gone on at Stripe, and the shop has heard nothing of it yet."""

from __future__ import annotations

import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import bindparam, update

from bookshop import clock
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.db import make_sessions
from bookshop.inventory.reservations import reserve
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.models import Order
from bookshop.orders.placement import DedupKey, place_order
from bookshop.orders.states import Actor, OrderStatus
from bookshop.orders.transitions import transition
from bookshop.sandbox.store import Store
from tests.load.fleet import Fleet
from tests.shops import Controls

#: What the README has Stripe send.
SUBSCRIBED = (
    "payment_intent.",
    "charge.refunded",
    "refund.",
    "charge.dispute.",
    "radar.early_fraud_warning.created",
    "review.",
)
#: What customers, banks and the bookseller do, in turn. Each ends with the money where it stays.
STORIES = (
    "pay",
    "decline decline pay",
    "decline cancel",
    "challenge decline pay",
    "debit",
    "debit arrive refund",
    "debit bounce decline cancel",
    "debit bounce pay",
    "pay refund_some refund_some",
    "pay refund_some refund",
    "pay refund refund_fails",
    "pay dispute win",
    "decline pay refund_some dispute lose",
    "pay inquire close warn",
    "debit arrive dispute",
)
WORKERS = 8  # at the sandbox at once
SOME = 300  # pence
CHANCE = random.Random()  # noqa: S311 - no secret is made of it


class Payment:
    """One PaymentIntent at the sandbox, and what will happen to it."""

    def __init__(self, sandbox: Controls, intent: str, story: str) -> None:
        self._sandbox = sandbox
        self._ahead = story.split()
        self.id = intent

    def go_on(self, steps: int | None = None) -> None:
        """So many steps of its story happen, or all that are left."""
        for step in self._ahead[:steps]:
            getattr(self, step)()
        del self._ahead[:steps]

    def pay(self) -> None:
        self._sandbox.confirm(self.id)

    def decline(self) -> None:
        self._sandbox.confirm(self.id, "pm_card_chargeDeclined")

    def challenge(self) -> None:
        self._sandbox.confirm(self.id, "pm_card_authenticationRequired")

    def debit(self) -> None:
        self._sandbox.confirm(self.id, "pm_bacsDebit_success")

    def arrive(self) -> None:
        self._sandbox.settle(self.id, "succeeded")

    def bounce(self) -> None:
        self._sandbox.settle(self.id, "failed")

    def cancel(self) -> None:
        self._sandbox.api("POST", f"/v1/payment_intents/{self.id}/cancel")

    def refund(self) -> None:
        self._refunded = self._sandbox.refund(self.id)["id"]

    def refund_some(self) -> None:
        self._refunded = self._sandbox.refund(self.id, SOME)["id"]

    def refund_fails(self) -> None:
        self._sandbox.settle_refund(self._refunded, "failed")

    def dispute(self) -> None:
        self._disputed = self._sandbox.dispute(self.id)["id"]

    def inquire(self) -> None:
        self._disputed = self._sandbox.inquire(self.id)["id"]

    def win(self) -> None:
        self._sandbox.settle_dispute(self._disputed, "won")

    def lose(self) -> None:
        self._sandbox.settle_dispute(self._disputed, "lost")

    def close(self) -> None:
        self._sandbox.settle_dispute(self._disputed, "warning_closed")

    def warn(self) -> None:
        self._sandbox.warn(self.id)


def placed(fleet: Fleet, sku: str, count: int) -> list[Payment]:
    """So many customers have pressed Pay, each for one copy: the payments of their orders."""
    listing = CatalogueQueries(fleet.engine, SalesContext("GBP", "GB")).listing(sku)
    numbers = []
    with make_sessions(fleet.engine).begin() as session:
        now = clock.now()
        occasion = TransitionContext(session, Cause(Actor.STRIPE, "checkout"), now)
        for visitor in range(count):
            key = DedupKey(f"visitor {visitor}", sku, None)
            order = place_order(session, key, listing, listing.price, now)
            order.email = f"reader{visitor}@reader.example"
            transition(occasion, order, OrderStatus.AWAITING_PAYMENT)
            reserve(session, order, now)
            numbers.append(order.number)

    def intent(number: str) -> str:
        values = {"amount": listing.price.amount, "currency": "gbp", "metadata[order]": number}
        return fleet.sandbox.api("POST", "/v1/payment_intents", values)["id"]

    with ThreadPoolExecutor(WORKERS) as pool:
        intents = list(pool.map(intent, numbers))
    known = update(Order).where(Order.number == bindparam("its_number"))
    known = known.values(payment_intent=bindparam("its_intent"))
    with fleet.engine.begin() as connection:
        pairs = zip(numbers, intents, strict=True)
        connection.execute(known, [{"its_number": n, "its_intent": i} for n, i in pairs])
    pairs = zip(intents, itertools.cycle(STORIES), strict=False)
    return [Payment(fleet.sandbox, intent, story) for intent, story in pairs]


def go_on(payments: list[Payment], steps: int | None = None) -> None:
    """Of each payment's story so many steps happen, or all that are left."""
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda payment: payment.go_on(steps), payments))


def events(fleet: Fleet) -> list[bytes]:
    """The events that Stripe has made for the shop by now, as it would send them."""
    store = Store(fleet.sandbox_file)
    found = [
        json.dumps(event).encode()
        for event in store.select("event")
        if event["type"].startswith(SUBSCRIBED)
    ]
    store.close()
    return found


def repeated(payloads: list[bytes], share: float) -> list[bytes]:
    """Some of the events, as many as make that share of all deliveries when they come again."""
    return CHANCE.choices(payloads, k=round(len(payloads) * share / (1 - share)))


def shuffled(payloads: list[bytes]) -> list[bytes]:
    return CHANCE.sample(payloads, len(payloads))
