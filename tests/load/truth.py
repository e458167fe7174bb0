"""The facts of a shop and its sandbox after its programs have stopped, and what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

from sqlalchemy import or_, update

from bookshop import clock
from bookshop.mail.models import MailRecord
from bookshop.orders.models import Order
from bookshop.orders.payment.expiry import ABANDONED_AFTER
from bookshop.orders.states import PAID_FOR, UNPAID
from bookshop.sandbox.store import Store
from tests.load.fleet import Fleet
from tests.properties.facts import Facts, gather
from tests.properties.invariants import (
    ALWAYS,
    disputes_are_those_at_stripe,
    refunds_are_those_at_stripe,
    status_of_a_paid_order_follows_from_the_facts,
    what_is_short_goes_back,
)


def facts(fleet: Fleet, copies: dict[str, int | None]) -> Facts:
    """The rows of the shop and Stripe's objects; `copies` are those that each book began with."""
    store = Store(fleet.sandbox_file)
    found = gather(
        SimpleNamespace(
            registry=SimpleNamespace(services=fleet),
            clock=SimpleNamespace(look=clock.now),
            store=store,
            mail_folder=fleet.mail_folder,
        ),
        copies,
        once_more=set(),
    )
    store.close()
    return found


def time_passes(fleet: Fleet) -> None:
    """A day later: reservations and claims of killed mail workers have expired."""
    yesterday = clock.now() - 2 * ABANDONED_AFTER
    unpaid = Order.status.in_(UNPAID)
    with fleet.engine.begin() as connection:
        connection.execute(update(Order).where(unpaid).values(placed_at=yesterday))
        connection.execute(
            update(Order).where(unpaid, Order.stock_reserved).values(reserved_until=yesterday)
        )
        connection.execute(
            update(MailRecord)
            .where(or_(MailRecord.claimed_until.is_not(None), MailRecord.due_at > yesterday))
            .values(claimed_until=None, due_at=yesterday)
        )


def too_late(fleet: Fleet, number: str) -> None:
    """The reservation of an order has expired."""
    mine = update(Order).where(Order.number == number, Order.stock_reserved)
    with fleet.engine.begin() as connection:
        connection.execute(mine.values(reserved_until=clock.now() - ABANDONED_AFTER))


def every_success_has_its_one_order(found: Facts) -> Iterator[str]:
    """Who has paid has their order, whether or not its time is up by then."""
    for intent in found.stripe.intents:
        if intent["status"] == "succeeded":
            orders = [
                (order["number"], order["status"])
                for order in found.orders
                if order["payment_intent"] == intent["id"]
            ]
            if [status in PAID_FOR for _number, status in orders] != [True]:
                yield f"intent {intent['id']} succeeded, its orders: {orders}"


#: Once Stripe and the orders have been reconciled, with customers still at checkout.
RECONCILED = (
    *ALWAYS,
    every_success_has_its_one_order,
    refunds_are_those_at_stripe,
    what_is_short_goes_back,
    disputes_are_those_at_stripe,
    status_of_a_paid_order_follows_from_the_facts,
)


def reconcile(fleet: Fleet) -> None:
    """Reconcile, and once more: by then nothing differs any more."""
    code, first = fleet.report("reconcile")
    assert (code, first["unresolved"], first["unfinished"]) == (0, 0, None), first
    code, second = fleet.report("reconcile")
    assert (code, second["differences"], second["expired"]) == (0, [], 0), second


def all_mail_arrives(fleet: Fleet) -> None:
    send = fleet.start("bookshop", "mail", "send")
    assert send.end() == 0, send.output
