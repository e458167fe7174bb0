"""Find all data about a customer, and export it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bookshop.mail.addresses import address_key
from bookshop.mail.models import MailRecord
from bookshop.orders.models import Order
from bookshop.orders.serializers import order_details
from bookshop.webhooks.models import EventRecord


def export_customer(session: Session, email: str) -> list[dict[str, Any]]:
    """Return the customer's orders as JSON, oldest first, each with its e-mails and events."""
    return [_export_order(session, order) for order in find_orders(session, email)]


def find_orders(session: Session, email: str, *, lock: bool = False) -> list[Order]:
    """Return the customer's orders, and orders of the same sessions without an e-mail address.

    Addresses are compared in Python: databases know nothing of internationalised domains, and
    differ about letters beyond ASCII.
    """
    addresses = session.execute(select(Order.id, Order.email).where(Order.email.is_not(None)))
    key = address_key(email)
    ids = [order_id for order_id, address in addresses if address and address_key(address) == key]
    if not ids:
        return []
    session_ids = select(Order.session_id).where(Order.id.in_(ids))
    without_email = Order.email.is_(None) & Order.session_id.in_(session_ids)
    query = select(Order).where(or_(Order.id.in_(ids), without_email)).order_by(Order.id)
    return list(session.scalars(query.with_for_update() if lock else query))


def find_events(session: Session, order: Order) -> list[EventRecord]:
    """Return the webhook events about an order, oldest first."""
    of_order = EventRecord.order_number == order.number
    if order.payment_intent is not None:
        of_order |= EventRecord.intent == order.payment_intent
    return list(session.scalars(select(EventRecord).where(of_order).order_by(EventRecord.created)))


def _export_order(session: Session, order: Order) -> dict[str, Any]:
    mails = session.scalars(
        select(MailRecord).where(MailRecord.order_id == order.id).order_by(MailRecord.id)
    )
    return {
        **(order_details(session, order.number) or {}),
        "address": order.address,
        "session_id": order.session_id,
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
            for event in find_events(session, order)
        ],
    }
