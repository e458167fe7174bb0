"""The one place where an order's status changes: by a move of the table in `states`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bookshop.inventory import reservations
from bookshop.mail import outbox
from bookshop.mail.outbox import MailKind
from bookshop.orders.audit import Cause, Occasion, record, record_move
from bookshop.orders.models import Order
from bookshop.orders.refunds import requests
from bookshop.orders.states import CLOSED, MOVES, Effect, OrderStatus
from bookshop.payments.intents import OPEN

LOG = logging.getLogger(__name__)


class ForbiddenMoveError(Exception):
    """The table has no such move, or not for that actor."""


def allowed(order: Order, target: OrderStatus, cause: Cause) -> bool:
    """Whether the table has a move to `target`, for whoever causes it."""
    found = MOVES.get((OrderStatus(order.status), target))
    return found is not None and cause.actor in found.by


def move(occasion: Occasion, order: Order, target: OrderStatus) -> None:
    """Move the order, which must be locked, with everything that the move does.

    Raises ForbiddenMoveError.
    """
    source = OrderStatus(order.status)
    if not allowed(order, target, occasion.cause):
        message = f"{source.value} -> {target.value} by {occasion.cause.actor.value}"
        raise ForbiddenMoveError(message)
    LOG.info("order %s: %s -> %s (%s)", order.number, source, target, occasion.cause.what)
    order.status = target
    record_move(occasion, order, source, target)
    for effect in MOVES[source, target].effects:
        EFFECTS[effect](occasion, order)


def _keep(occasion: Occasion, order: Order) -> None:
    reservations.keep(occasion.session, order)


def _renew(occasion: Occasion, order: Order) -> None:
    if order.holding:
        order.held_until = occasion.now + reservations.HOLD


def _sell(occasion: Occasion, order: Order) -> None:
    order.paid_at = occasion.now
    if reservations.sell(occasion.session, order):
        return
    order.short = True
    LOG.warning("order %s is paid, and its copies are gone: it is refunded", order.number)
    record(occasion, order, "short")
    requests.request_all(occasion, order)


def _release(occasion: Occasion, order: Order) -> None:
    reservations.release(occasion.session, order)


def free(order: Order) -> None:
    """Let whoever wanted the same begin anew, as soon as nobody can pay for a closed order.

    Before that they might pay for both.
    """
    if order.status in CLOSED and order.intent_status not in OPEN:
        order.basis = None


def _free(_occasion: Occasion, order: Order) -> None:
    free(order)


def _mail(kind: MailKind) -> Callable[[Occasion, Order], None]:
    def mail(occasion: Occasion, order: Order) -> None:
        outbox.write(occasion.session, order, kind, "", occasion.now)

    return mail


def _mail_paid(occasion: Occasion, order: Order) -> None:
    _mail(MailKind.SOLD_OUT if order.short else MailKind.PAID)(occasion, order)


def _mail_expired(occasion: Occasion, order: Order) -> None:
    # Whoever was told that the payment failed knows how to try again.
    if not outbox.has(occasion.session, order, MailKind.PAYMENT_FAILED):
        _mail(MailKind.EXPIRED)(occasion, order)


EFFECTS: dict[Effect, Callable[[Occasion, Order], None]] = {
    Effect.KEEP: _keep,
    Effect.RENEW: _renew,
    Effect.SELL: _sell,
    Effect.RELEASE: _release,
    Effect.FREE: _free,
    Effect.MAIL_PAID: _mail_paid,
    Effect.MAIL_FAILED: _mail(MailKind.PAYMENT_FAILED),
    Effect.MAIL_EXPIRED: _mail_expired,
}
