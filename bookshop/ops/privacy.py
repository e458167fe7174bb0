"""What the shop holds about one customer, by e-mail address: told, and erased.

Records of money have to be kept for years, and are: without whoever they are about (articles 15
and 17(3)(b) of the GDPR). An order that still needs its customer is not erased.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.utils import getaddresses
from pathlib import Path
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from bookshop.mail.models import MailRecord
from bookshop.orders.audit import TransitionContext, record_event
from bookshop.orders.models import ERASED, AuditEntry, Order
from bookshop.orders.reports import full_report
from bookshop.orders.states import UNPAID, OrderStatus
from bookshop.webhooks.models import EventRecord

UNDER_WAY = UNPAID | {
    OrderStatus.PROCESSING,
    OrderStatus.PAID,
    OrderStatus.PARTLY_SHIPPED,
    OrderStatus.DISPUTED,
}
GONE = "(erased)"
TABLES = "orders, order_entries, refunds, mails, webhook_events"


class UnderWayError(Exception):
    """Orders that need their customer yet; the text names them."""


@dataclass(frozen=True)
class Erased:
    """What was erased: numbers of orders, how many mails, and the PaymentIntents at Stripe."""

    orders: tuple[str, ...]
    mails: int
    intents: tuple[str, ...]


def held_about(session: Session, email: str) -> list[dict[str, Any]]:
    """The customer's orders as JSON, with all that hangs on them, the oldest first."""
    return [_whole(session, order) for order in _orders(session, email)]


def erase(occasion: TransitionContext, email: str) -> Erased:
    """Take the customer out of their orders. What is repeated finds nothing.

    Raises UnderWayError, before anything is changed.
    """
    session = occasion.session
    orders = _orders(session, email, lock=True)
    if waiting := [order for order in orders if order.email and order.status in UNDER_WAY]:
        which = ", ".join(f"{order.number} ({order.status})" for order in waiting)
        raise UnderWayError(f"These orders still need their customer: {which}.")
    orders = [order for order in orders if order.status not in UNDER_WAY]
    ids = [order.id for order in orders]
    theirs = session.scalars(select(MailRecord).where(_is_mail_of(session, ids, email))).all()
    session.execute(delete(MailRecord).where(MailRecord.id.in_([mail.id for mail in theirs])))
    names = {email, *(order.email or "" for order in orders)}
    names |= {(order.address or {}).get("name", "") for order in orders}
    pseudonym = f"{ERASED}{secrets.token_hex(8)}"
    for order in orders:
        _erase(occasion, order, names - {""}, pseudonym)
    return Erased(
        tuple(order.number for order in orders),
        len(theirs),
        tuple(order.payment_intent for order in orders if order.payment_intent),
    )


def letters_to(folder: Path | None, email: str) -> Iterator[Path]:
    """The files that were mails to the customer, where mail lands in a folder."""
    for file in sorted(folder.glob("*.eml*")) if folder is not None else ():
        letter = message_from_bytes(file.read_bytes(), policy=policy.default)
        to = getaddresses([str(value) for value in letter.get_all("To", [])])
        if any(_same(address, email) for _name, address in to):
            yield file


def compact(engine: Engine) -> bool:
    """Have the database's files forget what was erased; False where somebody is in the way.

    Writers wait meanwhile, on SQLite.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM {TABLES}")
        return True
    # The driver's own connection: in a transaction this cannot be done.
    driver: Any = engine.raw_connection()
    try:
        driver.execute("VACUUM")
        busy: int = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:
        return False
    finally:
        driver.close()
    return not busy


def _orders(session: Session, email: str, *, lock: bool = False) -> list[Order]:
    """The customer's orders, and those of their browsers that have no address yet.

    Databases do not agree on what the lower case of a letter is, so Python compares.
    """
    known = session.execute(select(Order.id, Order.email).where(Order.email.is_not(None)))
    own = [number for number, address in known if _same(address, email)]
    if not own:
        return []
    visitors = select(Order.visitor).where(Order.id.in_(own))
    nameless = Order.email.is_(None) & Order.visitor.in_(visitors)
    wanted = select(Order).where(or_(Order.id.in_(own), nameless)).order_by(Order.id)
    return list(session.scalars(wanted.with_for_update() if lock else wanted))


def _is_mail_of(session: Session, orders: list[int], email: str) -> Any:
    """Mails about the orders, and those that went to the address for whatever else."""
    sent = session.execute(select(MailRecord.id, MailRecord.recipient))
    others = [number for number, recipient in sent if _same(recipient, email)]
    return or_(MailRecord.order_id.in_(orders), MailRecord.id.in_(others))


def _erase(occasion: TransitionContext, order: Order, names: set[str], pseudonym: str) -> None:
    session = occasion.session
    order.email = order.address = order.basis = None
    order.visitor = pseudonym
    for entry in order.entries:
        entry.cause = _without(names, entry.cause)
        entry.detail = _without(names, _untracked(entry))
    for refund in order.refunds:
        refund.problem = _without(names, refund.problem)
    for event in _events(session, order):
        event.problem = _without(names, event.problem)
    record_event(occasion, order, "erased")


def _untracked(entry: AuditEntry) -> dict[str, Any]:
    """A parcel's number leads to where the customer lives."""
    return {name: None if name == "tracking" else value for name, value in entry.detail.items()}


def _without(names: Iterable[str], value: Any) -> Any:
    match value:
        case str():
            any_of = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
            return re.sub(any_of, GONE, value, flags=re.IGNORECASE)
        case dict():
            return {key: _without(names, each) for key, each in value.items()}
        case list():
            return [_without(names, each) for each in value]
    return value


def _events(session: Session, order: Order) -> list[EventRecord]:
    about = EventRecord.order_number == order.number
    if order.payment_intent is not None:
        about |= EventRecord.intent == order.payment_intent
    return list(session.scalars(select(EventRecord).where(about).order_by(EventRecord.created)))


def _whole(session: Session, order: Order) -> dict[str, Any]:
    mails = session.scalars(
        select(MailRecord).where(MailRecord.order_id == order.id).order_by(MailRecord.id)
    )
    return {
        **(full_report(session, order.number) or {}),
        "address": order.address,
        "visitor": order.visitor,
        "mails": [
            {
                "kind": mail.kind,
                "recipient": mail.recipient,
                "written_at": mail.written_at.isoformat(),
                "sent_at": mail.sent_at.isoformat() if mail.sent_at else None,
                "detail": mail.detail,
                "problem": mail.problem,
            }
            for mail in mails
        ],
        "events": [
            {"id": event.id, "type": event.type, "received_at": event.received_at.isoformat()}
            for event in _events(session, order)
        ],
    }


def _same(address: str | None, email: str) -> bool:
    return address is not None and address.casefold() == email.strip().casefold()
