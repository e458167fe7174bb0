"""Who may see an order: the browser that made it, and whoever has the signed link to it."""

from __future__ import annotations

from pyramid.request import Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.links import opens
from bookshop.orders.models import Order
from bookshop.orders.number import is_number
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.services import services

SHOWN = "shown"  # the session's key for orders whose client secret this browser has shown


def made_here(request: Request, order: OrderSnapshot) -> bool:
    """Whether this browser made the order."""
    return bool(request.session.get("visitor") == order.visitor)


def seen_here(request: Request, order: OrderSnapshot) -> bool:
    """Whether this browser made the order, or has shown its intent's client secret before."""
    return made_here(request, order) or order.number in request.session.get(SHOWN, ())


def remember(request: Request, order: OrderSnapshot) -> None:
    """Let this browser, which has shown the client secret, see the order from now on."""
    request.session[SHOWN] = [*request.session.get(SHOWN, ()), order.number]


def find_for(request: Request, session: Session, number: str) -> Order | None:
    """The order of that number, if this request may see it.

    Without a key that opens it, the database is asked for the browser's own orders alone: it does
    the same work whether or not somebody else has an order of that number.
    """
    if not is_number(number):
        return None
    wanted = select(Order).where(Order.number == number)
    key = request.GET.get("key", "")
    opened = opens(services(request).settings.shop, number, key)
    if not opened and number not in request.session.get(SHOWN, ()):
        visitor = request.session.get("visitor")
        if visitor is None:
            return None
        wanted = wanted.where(Order.visitor == visitor)
    found: Order | None = session.scalar(wanted)
    return found
