"""Erase a customer's personal data, and keep the records that accounting needs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from bookshop import clock
from bookshop.mail.models import MailRecord
from bookshop.ops.privacy.export import find_events, find_orders, is_same_address
from bookshop.ops.privacy.files import compact_database, find_mail_files
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.models import ERASED, AuditEntry, Order
from bookshop.orders.states import UNPAID, OrderStatus
from bookshop.services import Services

OPEN_STATUSES = UNPAID | {
    OrderStatus.PROCESSING,
    OrderStatus.PAID,
    OrderStatus.PARTLY_SHIPPED,
    OrderStatus.DISPUTED,
}
REPLACEMENT = "(erased)"


class OpenOrdersError(Exception):
    """The customer has orders that are not finished; the text names them."""


@dataclass(frozen=True)
class ErasedRecords:
    """Numbers of anonymised orders, ids of deleted e-mails, ids of PaymentIntents at Stripe."""

    orders: tuple[str, ...]
    mails: tuple[int, ...]
    intents: tuple[str, ...]


@dataclass(frozen=True)
class Erasure:
    """The result of an erasure. If not `compacted`, the database's files may hold traces."""

    records: ErasedRecords
    mail_files: int
    compacted: bool


def erase_customer(shop: Services, email: str, cause: Cause) -> Erasure:
    """Erase a customer from the database and from stored e-mails. Can be repeated.

    Raises OpenOrdersError before anything is changed.
    """
    with shop.sessions.begin() as session:
        records = erase_records(TransitionContext(session, cause, clock.now()), email)
    mail_files = list(find_mail_files(shop.settings.mail.folder, email))
    for file in mail_files:
        file.unlink()
    return Erasure(records, len(mail_files), compact_database(shop.engine))


def erase_records(context: TransitionContext, email: str) -> ErasedRecords:
    """Anonymise the customer's orders and delete their e-mails, in the context's transaction.

    Raises OpenOrdersError before anything is changed.
    """
    session = context.session
    orders = find_orders(session, email, lock=True)
    if open_orders := [each for each in orders if each.email and each.status in OPEN_STATUSES]:
        numbers = ", ".join(f"{order.number} ({order.status})" for order in open_orders)
        raise OpenOrdersError(f"These orders are not finished: {numbers}.")
    orders = [order for order in orders if order.status not in OPEN_STATUSES]
    mails = _delete_mails(session, [order.id for order in orders], email)
    names = {email, *(order.email or "" for order in orders)}
    names |= {(order.address or {}).get("name", "") for order in orders}
    pseudonym = f"{ERASED}{secrets.token_hex(8)}"
    for order in orders:
        _anonymise(context, order, names - {""}, pseudonym)
    return ErasedRecords(
        tuple(order.number for order in orders),
        mails,
        tuple(order.payment_intent for order in orders if order.payment_intent),
    )


def _delete_mails(session: Session, order_ids: list[int], email: str) -> tuple[int, ...]:
    """Delete e-mails about the orders and all others to the address; return their ids."""
    recipients = session.execute(select(MailRecord.id, MailRecord.recipient))
    others = [mail_id for mail_id, recipient in recipients if is_same_address(recipient, email)]
    of_customer = or_(MailRecord.order_id.in_(order_ids), MailRecord.id.in_(others))
    mail_ids = tuple(session.scalars(select(MailRecord.id).where(of_customer)))
    session.execute(delete(MailRecord).where(MailRecord.id.in_(mail_ids)))
    return mail_ids


def _anonymise(context: TransitionContext, order: Order, names: set[str], pseudonym: str) -> None:
    order.email = order.address = order.dedup_key = None
    order.session_id, order.network = pseudonym, None
    for entry in order.entries:
        entry.cause = _without_names(names, entry.cause)
        entry.detail = _without_names(names, _without_tracking(entry))
    for refund in order.refunds:
        refund.problem = _without_names(names, refund.problem)
    for event in find_events(context.session, order):
        event.problem = _without_names(names, event.problem)
    record_event(context, order, AuditEvent.CUSTOMER_ERASED)


def _without_tracking(entry: AuditEntry) -> dict[str, Any]:
    """Return an audit entry's detail without tracking numbers, which reveal the address."""
    return {name: None if name == "tracking" else value for name, value in entry.detail.items()}


def _without_names(names: Iterable[str], value: Any) -> Any:
    """Return a JSON value in which the names are replaced."""
    match value:
        case str():
            any_name = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
            return re.sub(any_name, REPLACEMENT, value, flags=re.IGNORECASE)
        case dict():
            return {key: _without_names(names, each) for key, each in value.items()}
        case list():
            return [_without_names(names, each) for each in value]
    return value
