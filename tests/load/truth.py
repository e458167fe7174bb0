"""What is so in a shop and at its sandbox once the programs have had their say."""

from __future__ import annotations

from types import SimpleNamespace

from sqlalchemy import or_, update

from bookshop import clock
from bookshop.orders.expiry import ABANDONED_AFTER
from bookshop.orders.mail.models import MailRecord
from bookshop.orders.models import Order
from bookshop.orders.states import UNPAID
from bookshop.sandbox.store import Store
from tests.load.fleet import Fleet
from tests.properties.facts import Facts, gather
from tests.properties.invariants import ALWAYS, SETTLED, check


def facts(fleet: Fleet, copies: dict[str, int | None]) -> Facts:
    """The rows of the shop and Stripe's objects; `copies` are those that each book began with."""
    store = Store(fleet.sandbox_file)
    found = gather(
        SimpleNamespace(
            registry=fleet,
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
    """A day later: holds have lapsed, and so have the claims of postmen who were killed."""
    yesterday = clock.now() - 2 * ABANDONED_AFTER
    unpaid = Order.status.in_(UNPAID)
    with fleet.engine.begin() as connection:
        connection.execute(update(Order).where(unpaid).values(placed_at=yesterday))
        connection.execute(update(Order).where(unpaid, Order.holding).values(held_until=yesterday))
        connection.execute(
            update(MailRecord)
            .where(or_(MailRecord.claimed_until.is_not(None), MailRecord.due_at > yesterday))
            .values(claimed_until=None, due_at=yesterday)
        )


def too_late(fleet: Fleet, number: str) -> None:
    """The hold of an order is over."""
    mine = update(Order).where(Order.number == number, Order.holding)
    with fleet.engine.begin() as connection:
        connection.execute(mine.values(held_until=clock.now() - ABANDONED_AFTER))


def reconciled(fleet: Fleet) -> None:
    """Reconcile, and once more: by then nothing differs any more."""
    code, first = fleet.report("reconcile")
    assert (code, first["left"], first["unfinished"]) == (0, 0, None), first
    code, second = fleet.report("reconcile")
    assert (code, second["differences"], second["expired"]) == (0, [], 0), second


def settled(fleet: Fleet, copies: dict[str, int | None]) -> Facts:
    """The facts, which are as they must be once all is settled and all mail delivered."""
    send = fleet.start("bookshop", "mail", "send")
    assert send.end() == 0, send.output
    found = facts(fleet, copies)
    check(found, (*ALWAYS, *SETTLED))
    return found
