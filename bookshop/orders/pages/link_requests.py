"""A new link to an order, mailed to the address that the order has."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop import clock
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.number import read_number


def send_link(session: Session, number: str, email: str) -> None:
    """Write the mail if the order of that number has that address, whatever its case.

    At most one an hour, so that nobody is pestered by somebody who knows both.
    """
    asked, written = read_number(number), _normal(email)
    order = session.scalar(select(Order).where(Order.number == asked))
    if order is None or order.email is None or written != order.email.casefold():
        return
    now = clock.now()
    enqueue_order_email(session, order, MailKind.LINK, f"{now:%Y-%m-%dT%H}", now)


def _normal(email: str) -> str | None:
    """The address in the form that orders have it in, but for its case; None for what is none."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.casefold()
    except EmailNotValidError:
        return None
