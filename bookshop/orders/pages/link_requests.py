"""Requests for a new link to an order, sent to the e-mail address of the order."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop import clock
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.number import read_number


def send_link(session: Session, number: str, email: str) -> None:
    """Enqueue the e-mail if the order has this address, ignoring case.

    At most one is sent per hour, so that the form cannot be used to flood a customer.
    """
    order = session.scalar(select(Order).where(Order.number == read_number(number)))
    if order is None or order.email is None or _normalize(email) != order.email.casefold():
        return
    now = clock.now()
    enqueue_order_email(session, order, MailKind.LINK, f"{now:%Y-%m-%dT%H}", now)


def _normalize(email: str) -> str | None:
    """Return the address as orders store it, in lower case; None if it is invalid."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.casefold()
    except EmailNotValidError:
        return None
