"""Customer-facing texts for an order's status and its timeline, each with a stable code.

Events that concern the shop alone, such as a fraud warning, have no text and are not shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bookshop.i18n import _
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.orders.states import CLOSED, FULFILMENT, OrderStatus, Rejection
from bookshop.payments.charges import RefundStatus


@dataclass(frozen=True)
class StatusMessage:
    """The message at the top of an order page: `kind` is good, wait or bad; texts to translate."""

    code: str
    kind: str
    icon: str
    heading: Any
    sentence: Any


_REFUND_TIME = _(
    "The refund goes to your original payment method and can take 5 to 10 days to appear."
)
PAYMENT_MISMATCH = "payment_mismatch"
PREORDER = "preorder"
OUT_OF_STOCK = "out_of_stock"
_MESSAGES = (
    StatusMessage(
        OrderStatus.PLACED,
        "wait",
        "clock",
        _("Your order isn’t paid yet"),
        _("We’ve saved it, and you haven’t been charged."),
    ),
    StatusMessage(
        OrderStatus.AWAITING_PAYMENT,
        "wait",
        "clock",
        _("Your order is awaiting payment"),
        _("You haven’t been charged. We’ll send your order once it’s paid."),
    ),
    StatusMessage(
        OrderStatus.PROCESSING,
        "wait",
        "clock",
        _("Your payment is being processed"),
        _("Your bank can take a few days. Please don’t pay again."),
    ),
    StatusMessage(
        OrderStatus.PAID,
        "good",
        "check",
        _("Your order is paid"),
        _("Thank you. We’ll e-mail you when it’s dispatched."),
    ),
    StatusMessage(
        PREORDER,
        "good",
        "check",
        _("Thank you for your pre-order"),
        _("It’s paid. We’ll e-mail you when it’s published and dispatched."),
    ),
    StatusMessage(
        OrderStatus.PARTLY_SHIPPED,
        "good",
        "check",
        _("Part of your order is on its way"),
        _("We’ll e-mail you when the rest is dispatched."),
    ),
    StatusMessage(
        OrderStatus.SHIPPED,
        "good",
        "check",
        _("Your order is on its way"),
        _("Everything has been dispatched. Happy reading."),
    ),
    StatusMessage(
        OrderStatus.DELIVERED,
        "good",
        "check",
        _("Your order is complete"),
        _("You have everything you ordered. Happy reading."),
    ),
    StatusMessage(
        OrderStatus.CANCELLED,
        "bad",
        "dash",
        _("This order was cancelled"),
        _("You haven’t been charged, and nothing will be sent."),
    ),
    StatusMessage(
        OrderStatus.EXPIRED,
        "bad",
        "clock",
        _("This order has expired"),
        _("It wasn’t paid in time. You haven’t been charged."),
    ),
    StatusMessage(
        OrderStatus.PARTLY_REFUNDED,
        "good",
        "check",
        _("We’ve refunded part of your order"),
        _REFUND_TIME,
    ),
    StatusMessage(
        OrderStatus.REFUNDED, "good", "check", _("We’ve refunded your order"), _REFUND_TIME
    ),
    StatusMessage(
        OrderStatus.DISPUTED,
        "wait",
        "clock",
        _("Your bank has a question about this payment"),
        _("We’ve been notified and will respond to your bank. You don’t need to do anything here."),
    ),
    StatusMessage(
        OrderStatus.DISPUTE_WON,
        "good",
        "check",
        _("Your bank has confirmed this payment"),
        _("Your bank had a question about it, which is now resolved."),
    ),
    StatusMessage(
        OrderStatus.DISPUTE_LOST,
        "bad",
        "dash",
        _("Your bank has reversed this payment"),
        _("Your bank had a question about it and returns the money to you."),
    ),
    StatusMessage(
        PAYMENT_MISMATCH,
        "wait",
        "alert",
        _("We’re checking this payment"),
        _(
            "The payment doesn’t match your order, so we’re checking it by hand. "
            "Please don’t pay again."
        ),
    ),
    StatusMessage(
        OUT_OF_STOCK,
        "wait",
        "alert",
        _("Sorry, your book has just sold out"),
        _(
            "We received your payment, but the last copy had just sold. We’re refunding you in "
            "full, which can take 5 to 10 days. You don’t need to do anything."
        ),
    ),
    StatusMessage(
        Rejection.PRICE_CHANGED,
        "wait",
        "alert",
        _("Sorry, the price had changed"),
        _(
            "We received your payment, but the price had changed before you paid. We’re refunding "
            "you in full, which can take 5 to 10 days. You can order again at the new price."
        ),
    ),
    StatusMessage(
        Rejection.NOT_FOR_SALE,
        "wait",
        "alert",
        _("Sorry, your book is no longer for sale"),
        _(
            "We received your payment, but the book was no longer for sale. We’re refunding you in "
            "full, which can take 5 to 10 days. You don’t need to do anything."
        ),
    ),
    StatusMessage(
        Rejection.TOO_MANY_FAILURES,
        "bad",
        "alert",
        _("We’ve closed this order"),
        _(
            "Too many attempts to pay failed. If a payment went through afterwards, we’re "
            "refunding it in full."
        ),
    ),
)
STATUS_MESSAGES = {message.code: message for message in _MESSAGES}
#: The timeline: a code, and its text.
TIMELINE_TEXTS = {
    "placed": _("You placed the order."),
    "paid": _("We received your payment."),
    "payment_processing": _("Your bank started processing the payment."),
    "payment_failed": _("The payment didn’t go through."),
    "cancelled": _("The order was cancelled."),
    "expired": _("The order expired because it wasn’t paid in time."),
    "shipped": _("We dispatched ${books}."),
    "out_of_stock": _("The last copy had just sold."),
    Rejection.PRICE_CHANGED: _("The price had changed before you paid."),
    Rejection.NOT_FOR_SALE: _("The book was no longer for sale when you paid."),
    Rejection.TOO_MANY_FAILURES: _("Too many attempts to pay had failed."),
    "refunded": _("We refunded ${amount}."),
    "refund_failed": _("A refund of ${amount} didn’t reach you. We’re working on it."),
    "refund_cancelled": _("A refund of ${amount} was cancelled."),
    "bank_question": _("Your bank asked about the payment."),
    "payment_reversed": _("Your bank reversed the payment."),
    "bank_question_resolved": _("Your bank’s question about the payment was resolved."),
}
#: Status changes that are shown. Others, such as a shipment, have an audit entry of their own.
SHOWN_STATUS_CHANGES = {
    OrderStatus.PROCESSING: "payment_processing",
    OrderStatus.AWAITING_PAYMENT: "payment_failed",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.EXPIRED: "expired",
}
REFUND_CODES = {
    RefundStatus.PENDING: "refunded",
    RefundStatus.REQUIRES_ACTION: "refunded",
    RefundStatus.SUCCEEDED: "refunded",
    RefundStatus.FAILED: "refund_failed",
    RefundStatus.CANCELLED: "refund_cancelled",
}


def status_message(order: OrderSnapshot, *, preorder: bool) -> StatusMessage:
    """Return the message for an order; a problem comes before the plain status.

    `preorder`: True if a book in it is not published yet.
    """
    if order.payment_mismatch:
        return STATUS_MESSAGES[PAYMENT_MISMATCH]
    if order.out_of_stock and order.status in FULFILMENT:
        return STATUS_MESSAGES[OUT_OF_STOCK]
    if order.rejection and order.status in {*FULFILMENT, *CLOSED}:
        return STATUS_MESSAGES[order.rejection]
    if preorder and order.status is OrderStatus.PAID:
        return STATUS_MESSAGES[PREORDER]
    return STATUS_MESSAGES[order.status]
