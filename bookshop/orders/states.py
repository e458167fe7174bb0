"""The life of an order: its states, who may move it from one to another, and what a move does.

This table is all there is: nothing else changes an order's status, and `docs/orders.md` is drawn
from it. What Stripe says about refunds and disputes decides the later states, see `standing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class OrderStatus(StrEnum):
    """How far an order has come; MEANINGS puts it into words."""

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
    OrderStatus.PLACED: "written down; Stripe has not answered yet",
    OrderStatus.AWAITING_PAYMENT: "has its PaymentIntent, which nobody has paid",
    OrderStatus.PROCESSING: "the bank works on it, for days perhaps",
    OrderStatus.PAID: "the money has arrived",
    OrderStatus.PARTLY_SHIPPED: "some copies have been sent",
    OrderStatus.SHIPPED: "all copies have been sent",
    OrderStatus.DELIVERED: "nothing but e-books, and the customer has them",
    OrderStatus.CANCELLED: "called off before it was paid",
    OrderStatus.EXPIRED: "not paid in time",
    OrderStatus.PARTLY_REFUNDED: "some of the money went back, or is on its way",
    OrderStatus.REFUNDED: "all of the money went back, or is on its way",
    OrderStatus.DISPUTED: "the customer's bank asks for the money back, and the shop may answer",
    OrderStatus.DISPUTE_WON: "the bank let the shop keep the money",
    OrderStatus.DISPUTE_LOST: "the bank took the money back",
}


class Actor(StrEnum):
    """Who causes a move."""

    CUSTOMER = "customer"  # by what they do in the shop
    STRIPE = "stripe"  # by its word: an event, or an answer to a question of ours
    CLOCK = "clock"  # time has run out
    STAFF = "staff"  # somebody at the command line


class Effect(StrEnum):
    """What a move does beside changing the status, in the same transaction."""

    KEEP = "keep the copies, without an end"
    RENEW = "keep the copies for another while"
    SELL = "take the copies off the stock, or ask for a full refund where one is gone"
    RELEASE = "give the copies back"
    FREE = "let the customer begin anew, once nobody can pay with the old PaymentIntent"
    MAIL_PAID = "mail the confirmation, or the regret"
    MAIL_FAILED = "mail that the payment failed"
    MAIL_EXPIRED = "mail that the order has expired"


@dataclass(frozen=True)
class Transition:
    """Who may make a move, and what it does."""

    by: frozenset[Actor]
    effects: tuple[Effect, ...] = ()


UNPAID = frozenset({OrderStatus.PLACED, OrderStatus.AWAITING_PAYMENT})
CLOSED = frozenset({OrderStatus.CANCELLED, OrderStatus.EXPIRED})
#: How far the goods of a paid order are.
FULFILMENT = (
    OrderStatus.PAID,
    OrderStatus.PARTLY_SHIPPED,
    OrderStatus.SHIPPED,
    OrderStatus.DELIVERED,
)
DISPUTES = (OrderStatus.DISPUTE_WON, OrderStatus.DISPUTE_LOST, OrderStatus.DISPUTED)
#: What has become of the money of a paid order; it outranks how far its goods are.
MONEY = (OrderStatus.PARTLY_REFUNDED, OrderStatus.REFUNDED, *DISPUTES)
PAID_FOR = frozenset({*FULFILMENT, *MONEY})

_Table = dict[tuple[OrderStatus, OrderStatus], Transition]


def _moves(
    sources: Iterable[OrderStatus],
    target: OrderStatus,
    by: Actor | Iterable[Actor],
    *effects: Effect,
) -> _Table:
    actors = frozenset({by} if isinstance(by, Actor) else by)
    return {
        (source, target): Transition(actors, effects) for source in sources if source is not target
    }


_S = OrderStatus
_PAY = (Effect.SELL, Effect.MAIL_PAID)
_END = (Effect.RELEASE, Effect.FREE)
# A failed attempt is not final, and a payment that lands on a closed order counts.
TRANSITIONS: _Table = {
    **_moves([_S.PLACED], _S.AWAITING_PAYMENT, Actor.STRIPE),
    **_moves([_S.AWAITING_PAYMENT, *CLOSED], _S.PROCESSING, Actor.STRIPE, Effect.KEEP),
    **_moves([_S.PROCESSING], _S.AWAITING_PAYMENT, Actor.STRIPE, Effect.RENEW, Effect.MAIL_FAILED),
    **_moves([_S.AWAITING_PAYMENT, _S.PROCESSING, *CLOSED], _S.PAID, Actor.STRIPE, *_PAY),
    **_moves([_S.PLACED], _S.CANCELLED, Actor.CUSTOMER, *_END),
    **_moves([_S.AWAITING_PAYMENT], _S.CANCELLED, {Actor.CUSTOMER, Actor.STRIPE}, *_END),
    **_moves([_S.PROCESSING], _S.CANCELLED, Actor.STRIPE, *_END),
    **_moves([_S.PLACED], _S.EXPIRED, Actor.CLOCK, *_END),
    **_moves(
        [_S.AWAITING_PAYMENT],
        _S.EXPIRED,
        {Actor.CLOCK, Actor.STRIPE},
        *_END,
        Effect.MAIL_EXPIRED,
    ),
    **_moves([_S.PROCESSING], _S.EXPIRED, Actor.STRIPE, *_END, Effect.MAIL_EXPIRED),
    **_moves([_S.PAID], _S.PARTLY_SHIPPED, Actor.STAFF),
    **_moves([_S.PAID, _S.PARTLY_SHIPPED], _S.SHIPPED, Actor.STAFF),
    **_moves([_S.PAID, _S.PARTLY_SHIPPED], _S.DELIVERED, Actor.STAFF),
}
for _target in MONEY:
    TRANSITIONS |= _moves(PAID_FOR, _target, Actor.STRIPE)
for _target in FULFILMENT:
    # A refund that failed, a dispute that was withdrawn.
    TRANSITIONS |= _moves(MONEY, _target, Actor.STRIPE)
