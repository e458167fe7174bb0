"""E-mails to the customer about an order: their kinds, and how they are enqueued."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from bookshop.mail import outbox
from bookshop.orders.models import Order
from bookshop.orders.states import PAID_FOR

log = logging.getLogger(__name__)


class MailKind(StrEnum):
    """The subject matter of an e-mail; each kind has its own pair of templates."""

    PAID = "paid"
    SOLD_OUT = "sold_out"
    REJECTED = "rejected"
    PAYMENT_FAILED = "payment_failed"
    EXPIRED = "expired"
    SHIPPED = "shipped"
    REFUNDED = "refunded"
    LINK = "link"


#: Anyone can cause these without paying, so that one mailbox gets at most MAX_UNPAID of them in
#: UNPAID_PERIOD, whatever the number of orders.
UNPAID_KINDS = frozenset({MailKind.PAYMENT_FAILED, MailKind.EXPIRED, MailKind.LINK})
MAX_UNPAID = 5
UNPAID_PERIOD = timedelta(days=1)


def enqueue_order_email(
    session: Session, order: Order, kind: MailKind, reference: str, now: datetime, **detail: Any
) -> None:
    """Enqueue an e-mail to the order's customer, once per kind, order and reference.

    Do nothing while the order has no e-mail address, or one with which no payment was attempted,
    or when its mailbox has received enough. `detail` is JSON data for the template: refunded has
    `amount` in minor units; shipped has `lines`, each with `title` and `quantity`, and `tracking`,
    a string or None.
    """
    if order.email is None or not (order.email_attempted or order.status in PAID_FOR):
        return
    if kind in UNPAID_KINDS:
        since = now - UNPAID_PERIOD
        if outbox.count_to_mailbox(session, order.email, UNPAID_KINDS, since) >= MAX_UNPAID:
            log.warning("mailbox_limit_reached", extra={"order": order.number, "kind": kind.value})
            return
    mail = outbox.NewMail(kind.value, order.id, order.number, reference, order.email, detail)
    outbox.enqueue(session, mail, now)
