"""Erase a customer's personal data, and keep the records that accounting needs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from bookshop import clock
from bookshop.mail.addresses import address_key
from bookshop.mail.models import MailRecord
from bookshop.ops.privacy.export import find_events, find_orders
from bookshop.ops.privacy.files import compact_database, find_mail_files
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.fulfilment.shipments import copies_to_ship
from bookshop.orders.models import ERASED, LinkRequest, Order
from bookshop.orders.refund_records import requested_refunds
from bookshop.orders.states import SHIPPABLE, UNPAID, OrderStatus
from bookshop.services import Services

#: Statuses of orders whose payment is not decided.
UNDECIDED = UNPAID | {OrderStatus.PROCESSING, OrderStatus.DISPUTED}
#: Fields of an audit entry's `detail` that hold ids, codes, amounts and books. All others, such as
#: a tracking number, which reveals the address, are erased.
KEPT_FIELDS = frozenset(
    {"amount", "id", "intent", "key", "kind", "lines", "reason", "status", "wrong"}
)


class OpenOrdersError(Exception):
    """The customer has orders that are not finished; the text names them."""


@dataclass(frozen=True)
class ErasedRecords:
    """Numbers of anonymised orders, ids of their PaymentIntents, Message-IDs of deleted e-mails."""

    orders: tuple[str, ...]
    intents: tuple[str, ...]
    mails: frozenset[str]


@dataclass(frozen=True)
class Erasure:
    """The result of an erasure. If not `compacted`, the database's files may hold traces.

    `mails` counts the e-mails that were deleted, each once, whether in the outbox or in a file.
    """

    records: ErasedRecords
    mails: int
    compacted: bool


def erase_customer(shop: Services, email: str, cause: Cause) -> Erasure:
    """Erase a customer from the database and from stored e-mails. Can be repeated.

    Raises OpenOrdersError before anything is changed.
    """
    with shop.sessions.begin() as session:
        records = erase_records(TransitionContext(session, cause, clock.now()), email)
    mails = set(records.mails)
    for file, message_id in list(find_mail_files(shop.settings.mail.folder, email)):
        file.unlink(missing_ok=True)
        mails.add(message_id)
    return Erasure(records, len(mails), compact_database(shop.engine))


def erase_records(context: TransitionContext, email: str) -> ErasedRecords:
    """Anonymise the customer's orders and delete their e-mails, in the context's transaction.

    Raises OpenOrdersError before anything is changed.
    """
    session = context.session
    orders = find_orders(session, email, lock=True)
    is_open = {order.id: _is_open(session, order) for order in orders}
    if open_orders := [order for order in orders if order.email and is_open[order.id]]:
        numbers = ", ".join(f"{order.number} ({order.status})" for order in open_orders)
        raise OpenOrdersError(f"These orders are not finished: {numbers}.")
    orders = [order for order in orders if not is_open[order.id]]
    mails = _delete_mails(session, [order.id for order in orders], email)
    _delete_link_requests(session, email)
    pseudonym = f"{ERASED}{secrets.token_hex(8)}"
    for order in orders:
        _anonymise(context, order, pseudonym)
    return ErasedRecords(
        tuple(order.number for order in orders),
        tuple(order.payment_intent for order in orders if order.payment_intent),
        mails,
    )


def _is_open(session: Session, order: Order) -> bool:
    """True while the shop has to reach the customer: about a payment, a parcel, or money back."""
    is_owed = order.status in SHIPPABLE and not order.accepted
    return (
        order.status in UNDECIDED
        or is_owed
        or copies_to_ship(order) > 0
        or bool(requested_refunds(session, order))
    )


def _delete_mails(session: Session, order_ids: list[int], email: str) -> frozenset[str]:
    """Delete e-mails about the orders and all others to the address; return their Message-IDs."""
    key = address_key(email)
    recipients = session.execute(select(MailRecord.id, MailRecord.recipient))
    others = [mail_id for mail_id, recipient in recipients if address_key(recipient) == key]
    of_customer = or_(MailRecord.order_id.in_(order_ids), MailRecord.id.in_(others))
    message_ids = frozenset(session.scalars(select(MailRecord.message_id).where(of_customer)))
    session.execute(delete(MailRecord).where(of_customer))
    return message_ids


def _delete_link_requests(session: Session, email: str) -> None:
    key = address_key(email)
    for request in session.scalars(select(LinkRequest)):
        if address_key(request.email) == key:
            session.delete(request)


def _anonymise(context: TransitionContext, order: Order, pseudonym: str) -> None:
    """Erase whole fields: a name cannot be searched in ids, statuses and causes."""
    order.email = order.address = order.dedup_key = order.network = None
    order.session_id = pseudonym
    for entry in order.entries:
        entry.detail = {
            name: value if name in KEPT_FIELDS else None for name, value in entry.detail.items()
        }
    for refund in order.refunds:
        refund.problem = None
    for event in find_events(context.session, order):
        event.problem = None
    record_event(context, order, AuditEvent.CUSTOMER_ERASED)
