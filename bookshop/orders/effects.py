"""The effects of status transitions: stock, refunds and e-mails, in the same transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from bookshop.inventory import reservations
from bookshop.mail.outbox import was_enqueued
from bookshop.orders.audit import AuditEvent, TransitionContext, record_event
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.refund_records import request_out_of_stock_refund
from bookshop.orders.states import CLOSED, Effect
from bookshop.payments.intents import OPEN_INTENT_STATUSES

log = logging.getLogger(__name__)


def release_dedup_key(order: Order) -> None:
    """Allow a new order for the same items once this closed order can no longer be paid.

    Releasing the key earlier could let the customer pay for both orders.
    """
    if order.status in CLOSED and order.intent_status not in OPEN_INTENT_STATUSES:
        order.dedup_key = None


def _reserve_without_expiry(context: TransitionContext, order: Order) -> None:
    reservations.reserve_without_expiry(context.session, order)


def _extend_reservation(context: TransitionContext, order: Order) -> None:
    if order.stock_reserved:
        order.reserved_until = context.now + reservations.RESERVATION_TIME


def _sell_stock(context: TransitionContext, order: Order) -> None:
    order.paid_at = context.now
    if reservations.sell_reserved(context.session, order):
        return
    order.out_of_stock = True
    log.warning("order_out_of_stock_refunded", extra={"order": order.number})
    record_event(context, order, AuditEvent.OUT_OF_STOCK)
    request_out_of_stock_refund(context, order)


def _release_stock(context: TransitionContext, order: Order) -> None:
    reservations.release(context.session, order)


def _release_dedup_key(_context: TransitionContext, order: Order) -> None:
    release_dedup_key(order)


def _email(kind: MailKind, context: TransitionContext, order: Order) -> None:
    enqueue_order_email(context.session, order, kind, "", context.now)


def _email_paid(context: TransitionContext, order: Order) -> None:
    _email(MailKind.SOLD_OUT if order.out_of_stock else MailKind.PAID, context, order)


def _email_expired(context: TransitionContext, order: Order) -> None:
    # The e-mail about a failed payment says already how to order again.
    if not was_enqueued(context.session, order.id, MailKind.PAYMENT_FAILED):
        _email(MailKind.EXPIRED, context, order)


EFFECTS: dict[Effect, Callable[[TransitionContext, Order], None]] = {
    Effect.RESERVE_WITHOUT_EXPIRY: _reserve_without_expiry,
    Effect.EXTEND_RESERVATION: _extend_reservation,
    Effect.SELL_STOCK: _sell_stock,
    Effect.RELEASE_STOCK: _release_stock,
    Effect.RELEASE_DEDUP_KEY: _release_dedup_key,
    Effect.EMAIL_PAID: _email_paid,
    Effect.EMAIL_PAYMENT_FAILED: partial(_email, MailKind.PAYMENT_FAILED),
    Effect.EMAIL_EXPIRED: _email_expired,
}
