"""E-mails to the customer about an order: their kinds, and how they are enqueued."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from bookshop.mail import outbox
from bookshop.orders.models import Order


class MailKind(StrEnum):
    """The subject matter of an e-mail; each kind has its own pair of templates."""

    PAID = "paid"
    SOLD_OUT = "sold_out"
    PAYMENT_FAILED = "payment_failed"
    EXPIRED = "expired"
    SHIPPED = "shipped"
    REFUNDED = "refunded"
    LINK = "link"


def enqueue_order_email(
    session: Session, order: Order, kind: MailKind, reference: str, now: datetime, **detail: Any
) -> None:
    """Enqueue an e-mail to the order's customer, once per kind, order and reference.

    Do nothing while the order has no e-mail address. `detail` is JSON data for the template:
    refunded has `amount` in minor units; shipped has `lines`, each with `title` and `quantity`,
    and `tracking`, a string or None.
    """
    if order.email is None:
        return
    mail = outbox.NewMail(kind.value, order.id, order.number, reference, order.email, detail)
    outbox.enqueue(session, mail, now)
