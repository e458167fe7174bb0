"""Access to orders: the session that placed the order, and any browser with its signed link."""

from __future__ import annotations

from pyramid.request import Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.links import is_valid_key
from bookshop.orders.models import Order
from bookshop.orders.number import is_number
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.services import services
from bookshop.web.security import SESSION_ID

SHOWN = "shown"  # session key: numbers of orders whose client secret this browser has presented
MAX_SHOWN = 20  # the newest are kept: a session has to fit into a cookie


def is_own_order(request: Request, order: OrderSnapshot) -> bool:
    """Return True if this session placed the order."""
    return bool(request.session.get(SESSION_ID) == order.session_id)


def has_access(request: Request, order: OrderSnapshot) -> bool:
    """Return True if this session placed the order or has presented its client secret."""
    return is_own_order(request, order) or order.number in request.session.get(SHOWN, ())


def grant_access(request: Request, order: OrderSnapshot) -> None:
    """Allow this session, which has presented the client secret, to see the order."""
    others = [number for number in request.session.get(SHOWN, ()) if number != order.number]
    request.session[SHOWN] = [*others, order.number][-MAX_SHOWN:]


def knows_orders(request: Request) -> bool:
    """Return True if this session may have access to orders."""
    return SESSION_ID in request.session or SHOWN in request.session


def find_accessible_order(request: Request, session: Session, number: str) -> Order | None:
    """Return the order if this request may see it.

    Without a valid key the query is limited to the session's own orders, so that its duration does
    not reveal whether an order with this number exists.
    """
    if not is_number(number):
        return None
    query = select(Order).where(Order.number == number)
    key = request.GET.get("key", "")
    has_key = is_valid_key(services(request).settings.shop, number, key)
    if not has_key and number not in request.session.get(SHOWN, ()):
        session_id = request.session.get(SESSION_ID)
        if session_id is None:
            return None
        query = query.where(Order.session_id == session_id)
    order: Order | None = session.scalar(query)
    return order
