"""The state machine of an order: its statuses, and the transitions between them.

No other code decides which transitions exist; `docs/orders.md` is generated from this table. The
status of a paid order follows from its refunds, disputes and shipments: see `transitions`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class OrderStatus(StrEnum):
    """The status of an order; MEANINGS describes each."""

    PLACED = "placed"
    AWAITING_PAYMENT = "awaiting_payment"
    PROCESSING = "processing"
    PAID = "paid"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


MEANINGS = {
    OrderStatus.PLACED: "saved; the PaymentIntent does not exist yet",
    OrderStatus.AWAITING_PAYMENT: "the PaymentIntent exists and is not paid",
    OrderStatus.PROCESSING: "the bank is processing the payment, which can take days",
    OrderStatus.PAID: "paid, nothing shipped yet",
    OrderStatus.PARTLY_SHIPPED: "some copies have been shipped",
    OrderStatus.SHIPPED: "all copies have been shipped",
    OrderStatus.DELIVERED: "only e-books, all handed over",
    OrderStatus.CANCELLED: "cancelled before it was paid",
    OrderStatus.EXPIRED: "not paid in time",
    OrderStatus.PARTLY_REFUNDED: "part of the payment was refunded, or the refund is pending",
    OrderStatus.REFUNDED: "the whole payment was refunded, or the refund is pending",
    OrderStatus.DISPUTED: "the customer disputed the payment with their bank; undecided",
    OrderStatus.DISPUTE_WON: "the bank decided the dispute for the shop",
    OrderStatus.DISPUTE_LOST: "the bank returned the payment to the customer",
}


class Actor(StrEnum):
    """Who causes a transition."""

    CUSTOMER = "customer"  # a request to the shop
    STRIPE = "stripe"  # an event, or a response of the API
    CLOCK = "clock"  # a time limit
    STAFF = "staff"  # a command of an operator


class Rejection(StrEnum):
    """Why the shop does not accept a payment although it may have the copies.

    TOO_MANY_FAILURES is the only one that an order has before it is paid.
    """

    PRICE_CHANGED = "price_changed"
    NOT_FOR_SALE = "not_for_sale"
    TOO_MANY_FAILURES = "too_many_failures"


class Effect(StrEnum):
    """A side effect of a transition, in the same database transaction."""

    RESERVE_WITHOUT_EXPIRY = "reserve the stock without expiry"
    EXTEND_RESERVATION = "extend the reservation"
    SELL_STOCK = "deduct the stock, or request a full refund if the payment is not accepted"
    RELEASE_STOCK = "release the reserved stock"
    RELEASE_DEDUP_KEY = "allow a new order once the PaymentIntent can no longer be paid"
    EMAIL_PAID = "e-mail the confirmation, or why the payment is refunded"
    EMAIL_PAYMENT_FAILED = "e-mail that the payment failed"
    EMAIL_EXPIRED = "e-mail that the order has expired"


@dataclass(frozen=True)
class Transition:
    """Who may cause a transition, and its effects in order."""

    by: frozenset[Actor]
    effects: tuple[Effect, ...] = ()


#: Not paid; the customer can pay with the PaymentIntent.
UNPAID = frozenset({OrderStatus.PLACED, OrderStatus.AWAITING_PAYMENT})
#: Ended without a payment. A late payment still reopens the order.
CLOSED = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED})
#: The progress of a paid order's goods.
FULFILMENT = (
    OrderStatus.PAID,
    OrderStatus.PARTLY_SHIPPED,
    OrderStatus.SHIPPED,
    OrderStatus.DELIVERED,
)
DISPUTES = (OrderStatus.DISPUTE_WON, OrderStatus.DISPUTE_LOST, OrderStatus.DISPUTED)
#: What happened to a paid order's money; takes precedence over FULFILMENT.
MONEY = (OrderStatus.PARTLY_REFUNDED, OrderStatus.REFUNDED, *DISPUTES)
PAID_FOR = frozenset({*FULFILMENT, *MONEY})
#: The bank has taken the payment back, or may do so. Stripe refuses refunds.
BANK_DECIDES = frozenset(DISPUTES) - {OrderStatus.DISPUTE_WON}
#: The shop has money for the goods and may ship them.
SHIPPABLE = PAID_FOR - BANK_DECIDES - {OrderStatus.REFUNDED}

_Table = dict[tuple[OrderStatus, OrderStatus], Transition]


def _transitions(
    sources: Iterable[OrderStatus],
    target: OrderStatus,
    by: Actor | Iterable[Actor],
    *effects: Effect,
) -> _Table:
    actors = frozenset({by} if isinstance(by, Actor) else by)
    return {
        (source, target): Transition(actors, effects) for source in sources if source is not target
    }


def _table() -> _Table:
    status = OrderStatus
    pay = (Effect.SELL_STOCK, Effect.EMAIL_PAID)
    close = (Effect.RELEASE_STOCK, Effect.RELEASE_DEDUP_KEY)
    expire = (*close, Effect.EMAIL_EXPIRED)
    retry = (Effect.EXTEND_RESERVATION, Effect.EMAIL_PAYMENT_FAILED)
    reserve = Effect.RESERVE_WITHOUT_EXPIRY
    customer, stripe, clock, staff = Actor
    # A failed attempt to pay is not final, and a closed order accepts a late payment.
    payable = [status.AWAITING_PAYMENT, *CLOSED]
    unshipped = [status.PAID, status.PARTLY_SHIPPED]
    table = {
        **_transitions([status.PLACED], status.AWAITING_PAYMENT, stripe),
        **_transitions(payable, status.PROCESSING, stripe, reserve),
        **_transitions([status.PROCESSING], status.AWAITING_PAYMENT, stripe, *retry),
        **_transitions([*payable, status.PROCESSING], status.PAID, stripe, *pay),
        **_transitions([status.PLACED], status.CANCELLED, customer, *close),
        **_transitions(
            [status.AWAITING_PAYMENT], status.CANCELLED, {customer, stripe, clock}, *close
        ),
        **_transitions([status.PROCESSING], status.CANCELLED, stripe, *close),
        **_transitions([status.PLACED], status.EXPIRED, clock, *close),
        **_transitions([status.AWAITING_PAYMENT], status.EXPIRED, {clock, stripe}, *expire),
        **_transitions([status.PROCESSING], status.EXPIRED, stripe, *expire),
        **_transitions([status.PAID], status.PARTLY_SHIPPED, staff),
        **_transitions(unshipped, status.SHIPPED, staff),
        **_transitions(unshipped, status.DELIVERED, staff),
    }
    for target in MONEY:
        table |= _transitions(PAID_FOR, target, stripe)
    for target in FULFILMENT:
        # After a failed refund or a withdrawn dispute.
        table |= _transitions(MONEY, target, stripe)
    return table


TRANSITIONS = _table()
