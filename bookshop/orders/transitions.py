"""The one place where an order's status changes: by a move of the table in `states`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bookshop.inventory import reservations
from bookshop.mail import outbox
from bookshop.orders.audit import Cause, TransitionContext, record_event, record_transition
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.refunds import requests
from bookshop.orders.states import CLOSED, TRANSITIONS, Effect, OrderStatus
from bookshop.payments.intents import OPEN_INTENT_STATUSES

LOG = logging.getLogger(__name__)


class ForbiddenTransitionError(Exception):
    """The table has no such move, or not for that actor."""


def is_allowed(order: Order, target: OrderStatus, cause: Cause) -> bool:
    """Whether the table has a move to `target`, for whoever causes it."""
    found = TRANSITIONS.get((OrderStatus(order.status), target))
    return found is not None and cause.actor in found.by


def transition(occasion: TransitionContext, order: Order, target: OrderStatus) -> None:
    """Transition the order, which must be locked, with everything that the move does.

    Raises ForbiddenTransitionError.
    """
    source = OrderStatus(order.status)
    if not is_allowed(order, target, occasion.cause):
        message = f"{source.value} -> {target.value} by {occasion.cause.actor.value}"
        raise ForbiddenTransitionError(message)
    LOG.info("order %s: %s -> %s (%s)", order.number, source, target, occasion.cause.what)
    order.status = target
    record_transition(occasion, order, source, target)
    for effect in TRANSITIONS[source, target].effects:
        EFFECTS[effect](occasion, order)


def _keep(occasion: TransitionContext, order: Order) -> None:
    reservations.reserve_without_expiry(occasion.session, order)


def _renew(occasion: TransitionContext, order: Order) -> None:
    if order.holding:
        order.held_until = occasion.now + reservations.RESERVATION_TIME


def _sell(occasion: TransitionContext, order: Order) -> None:
    order.paid_at = occasion.now
    if reservations.sell_reserved(occasion.session, order):
        return
    order.short = True
    LOG.warning("order %s is paid, and its copies are gone: it is refunded", order.number)
    record_event(occasion, order, "short")
    requests.request_all(occasion, order)


def _release(occasion: TransitionContext, order: Order) -> None:
    reservations.release(occasion.session, order)


def release_dedup_key(order: Order) -> None:
    """Let whoever wanted the same begin anew, as soon as nobody can pay for a closed order.

    Before that they might pay for both.
    """
    if order.status in CLOSED and order.intent_status not in OPEN_INTENT_STATUSES:
        order.basis = None


def _free(_occasion: TransitionContext, order: Order) -> None:
    release_dedup_key(order)


def _mail(kind: MailKind) -> Callable[[TransitionContext, Order], None]:
    def mail(occasion: TransitionContext, order: Order) -> None:
        enqueue_order_email(occasion.session, order, kind, "", occasion.now)

    return mail


def _mail_paid(occasion: TransitionContext, order: Order) -> None:
    _mail(MailKind.SOLD_OUT if order.short else MailKind.PAID)(occasion, order)


def _mail_expired(occasion: TransitionContext, order: Order) -> None:
    # Whoever was told that the payment failed knows how to try again.
    if not outbox.was_enqueued(occasion.session, order.id, MailKind.PAYMENT_FAILED):
        _mail(MailKind.EXPIRED)(occasion, order)


EFFECTS: dict[Effect, Callable[[TransitionContext, Order], None]] = {
    Effect.KEEP: _keep,
    Effect.RENEW: _renew,
    Effect.SELL: _sell,
    Effect.RELEASE: _release,
    Effect.FREE: _free,
    Effect.MAIL_PAID: _mail_paid,
    Effect.MAIL_FAILED: _mail(MailKind.PAYMENT_FAILED),
    Effect.MAIL_EXPIRED: _mail_expired,
}
