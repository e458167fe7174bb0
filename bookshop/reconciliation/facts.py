"""The Stripe data recorded in an order, as plain values that can be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.money import Money
from bookshop.orders.models import DisputeRecord, Order, RefundRecord
from bookshop.orders.payment.failed_attempts import attempt_ids
from bookshop.orders.states import OrderStatus


@dataclass(frozen=True)
class OrderFacts:
    """The order's status and money. Refunds and disputes are statuses by Stripe's ids.

    `failed_attempts` are the ids of recorded failed attempts to pay, at most MAX_ATTEMPTS.
    """

    status: OrderStatus
    intent_id: str | None
    refunded: Money
    refunds: Mapping[str, str]
    disputes: Mapping[str, str]
    under_review: bool
    address: Mapping[str, str] | None
    failed_attempts: Collection[str]


def read_facts(session: Session, order: Order) -> OrderFacts:
    """Return the order's facts as this transaction sees them."""
    session.flush()
    return OrderFacts(
        OrderStatus(order.status),
        order.payment_intent,
        Money(order.refunded, order.currency),
        _statuses(session, order, RefundRecord),
        _statuses(session, order, DisputeRecord),
        order.under_review,
        order.address,
        attempt_ids(session, order),
    )


def _statuses(
    session: Session, order: Order, table: type[RefundRecord | DisputeRecord]
) -> dict[str, str]:
    query = select(table.stripe_id, table.status).where(table.order_id == order.id)
    return {stripe_id: status for stripe_id, status in session.execute(query) if stripe_id}
