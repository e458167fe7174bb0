"""Requests for a new link to an order, sent to the e-mail address of the order.

The form stores what was typed and nothing else, so that neither its response nor its duration
reveals whether an order matches. A job compares the requests with the orders and sends the links.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from bookshop import clock
from bookshop.mail.addresses import address_key
from bookshop.orders.models import LinkRequest, Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.number import read_number

BATCH = 100  # requests answered in one transaction


def store_request(session: Session, number: str, email: str) -> None:
    """Store the two fields of the form, for `send_requested_links`."""
    # PostgreSQL stores no NUL.
    number, email = (each.replace("\0", "\N{REPLACEMENT CHARACTER}") for each in (number, email))
    session.add(LinkRequest(number=number, email=email, requested_at=clock.now()))


def send_requested_links(sessions: sessionmaker[Session]) -> None:
    """Enqueue an e-mail for each request that matches an order, and delete all requests."""
    batch = BATCH
    while batch == BATCH:
        with sessions.begin() as session:
            oldest = select(LinkRequest).order_by(LinkRequest.id).limit(BATCH)
            requests = session.scalars(oldest.with_for_update(skip_locked=True)).all()
            for request in requests:
                _send_link(session, request)
                session.delete(request)
        batch = len(requests)


def _send_link(session: Session, request: LinkRequest) -> None:
    """Enqueue the e-mail if the order has this address, in any spelling.

    At most one is sent per hour, so that the form cannot be used to flood a customer.
    """
    order = session.scalar(select(Order).where(Order.number == read_number(request.number)))
    if order is None or order.email is None:
        return
    if address_key(request.email) == address_key(order.email):
        hour = f"{request.requested_at:%Y-%m-%dT%H}"
        enqueue_order_email(session, order, MailKind.LINK, hour, clock.now())
