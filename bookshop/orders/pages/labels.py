"""Where an order stands and what happened to it, in words for the one who made it.

What is for the shop alone, such as a fraud warning, has no words here and so shows nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bookshop.i18n import _
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.orders.states import FULFILMENT, OrderStatus
from bookshop.payments.charges import RefundStatus


@dataclass(frozen=True)
class StatusMessage:
    """How an order stands: `kind` is good, wait or bad; the texts are still to be translated."""

    kind: str
    icon: str
    heading: Any
    sentence: Any


_BANK_TAKES = _(
    "The money goes back to where it came from. A bank may take five to ten days to show it."
)
VERDICTS = {
    OrderStatus.PLACED: StatusMessage(
        "wait",
        "clock",
        _("Your order is not paid yet"),
        _("We have written it down, and nothing was taken."),
    ),
    OrderStatus.AWAITING_PAYMENT: StatusMessage(
        "wait",
        "clock",
        _("Your order is waiting for its payment"),
        _("Nothing was taken so far, and nothing is sent before it is paid."),
    ),
    OrderStatus.PROCESSING: StatusMessage(
        "wait",
        "clock",
        _("Your payment is on its way"),
        _(
            "Your bank is still working on it, which can take some days. There is nothing more "
            "to do, and no need to pay again."
        ),
    ),
    OrderStatus.PAID: StatusMessage(
        "good",
        "check",
        _("Your order is paid"),
        _("Thank you. We are getting it ready, and write to you when it is on its way."),
    ),
    OrderStatus.PARTLY_SHIPPED: StatusMessage(
        "good",
        "check",
        _("Part of your order is on its way"),
        _("The rest follows, and we write to you again when it does."),
    ),
    OrderStatus.SHIPPED: StatusMessage(
        "good",
        "check",
        _("Your order is on its way"),
        _("Everything in it has been sent. Happy reading."),
    ),
    OrderStatus.DELIVERED: StatusMessage(
        "good",
        "check",
        _("Your order is complete"),
        _("You have everything that is in it. Happy reading."),
    ),
    OrderStatus.CANCELLED: StatusMessage(
        "bad",
        "dash",
        _("This order was cancelled"),
        _("Nothing was taken, and nothing will be sent."),
    ),
    OrderStatus.EXPIRED: StatusMessage(
        "bad",
        "clock",
        _("The time to pay has run out"),
        _("This order was not paid in time, so it is closed. Nothing was taken."),
    ),
    OrderStatus.PARTLY_REFUNDED: StatusMessage(
        "good", "check", _("We have refunded part of your order"), _BANK_TAKES
    ),
    OrderStatus.REFUNDED: StatusMessage(
        "good", "check", _("We have refunded your order"), _BANK_TAKES
    ),
    OrderStatus.DISPUTED: StatusMessage(
        "wait",
        "clock",
        _("Your bank has a question about this payment"),
        _("We answer it, and then your bank decides. There is nothing to do here meanwhile."),
    ),
    OrderStatus.DISPUTE_WON: StatusMessage(
        "good",
        "check",
        _("Your payment stands"),
        _("Your bank had a question about it, which is answered."),
    ),
    OrderStatus.DISPUTE_LOST: StatusMessage(
        "bad",
        "dash",
        _("Your bank has taken this payment back"),
        _("It had a question about it. The money comes to you from your bank."),
    ),
}
CHECKING = StatusMessage(
    "wait",
    "alert",
    _("We are looking into this payment"),
    _(
        "What was paid and what was ordered do not agree, and one of us looks at it by hand. "
        "Please do not pay again."
    ),
)
PREORDERED = StatusMessage(
    "good",
    "check",
    _("Your order is paid"),
    _("Thank you. It is not out yet: we write to you when it is on its way."),
)
SHORT = StatusMessage(
    "wait",
    "alert",
    _("Paid, but the last copy had just gone"),
    _(
        "We are sorry. You need not do anything: all of the money goes back to you, which can "
        "take a bank five to ten days."
    ),
)
#: The moves that are told. What else changes an order, such as a parcel, is told by its own entry.
MOVES = {
    OrderStatus.PROCESSING: _("Your bank began to work on the payment."),
    OrderStatus.AWAITING_PAYMENT: _("The payment did not go through."),
    OrderStatus.CANCELLED: _("The order was cancelled."),
    OrderStatus.EXPIRED: _("The order was not paid in time."),
}
_SENT_BACK = _("We sent ${amount} back to you.")
REFUNDS = {
    RefundStatus.PENDING: _SENT_BACK,
    RefundStatus.REQUIRES_ACTION: _SENT_BACK,
    RefundStatus.SUCCEEDED: _SENT_BACK,
    RefundStatus.FAILED: _("A refund of ${amount} did not reach you. We are seeing to it."),
    RefundStatus.CANCELLED: _("A refund of ${amount} was called off."),
}
PLACED = _("You placed the order.")
PAID = _("Your payment arrived.")
SENT = _("We sent you ${books}.")
GONE = _("The last copy had gone to somebody else a moment before.")
DISPUTED = _("Your bank asked about the payment.")
DISPUTE_LOST = _("Your bank took the payment back for you.")
DISPUTE_CLOSED = _("What your bank had asked is settled.")


def status_message(order: OrderSnapshot, *, coming: bool) -> StatusMessage:
    """How the order stands. What a person has to look at first is said first.

    `coming`: something in it is not out yet.
    """
    if order.contradicted:
        return CHECKING
    if order.short and order.status in FULFILMENT:
        return SHORT
    if coming and order.status is OrderStatus.PAID:
        return PREORDERED
    return VERDICTS[order.status]
