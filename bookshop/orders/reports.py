"""Orders as reports give them: plain values, amounts in minor units, times in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.models import AuditEntry, DisputeRecord, Order, RefundRecord
from bookshop.orders.snapshot import OrderSnapshot, snapshot
from bookshop.orders.states import OrderStatus


def newest(session: Session, limit: int, status: OrderStatus | None = None) -> list[OrderSnapshot]:
    """The last `limit` orders, of that status where one is given, the newest first."""
    wanted = select(Order)
    if status is not None:
        wanted = wanted.where(Order.status == status)
    wanted = wanted.order_by(Order.id.desc()).limit(limit)
    return [snapshot(order) for order in session.scalars(wanted)]


def by_number(session: Session, number: str) -> OrderSnapshot | None:
    """The order of that number."""
    order = session.scalar(select(Order).where(Order.number == number))
    return snapshot(order) if order else None


def report(order: OrderSnapshot) -> dict[str, Any]:
    """An order as JSON."""
    return {
        "number": order.number,
        "status": order.status.value,
        "payment_intent": order.payment_intent,
        "currency": order.total.currency,
        "total": order.total.amount,
        "refunded": order.refunded.amount,
        "email": order.email,
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "amount": line.amount.amount,
                "shipped": line.shipped,
            }
            for line in order.lines
        ],
        "placed_at": order.placed_at.isoformat(),
        "paid_at": _moment(order.paid_at),
        "flags": flags(order),
    }


def full_report(session: Session, number: str) -> dict[str, Any] | None:
    """An order as JSON, with its refunds, its disputes and all that ever happened to it."""
    order = session.scalar(select(Order).where(Order.number == number))
    if order is None:
        return None
    return {
        **report(snapshot(order)),
        "refunds": [_refund(refund) for refund in order.refunds],
        "disputes": [_dispute(dispute) for dispute in order.disputes],
        "history": [_entry(entry) for entry in order.entries],
    }


def flags(order: OrderSnapshot) -> list[str]:
    """What somebody should know before they send the books."""
    raised = {
        "short": order.short,
        "contradicted": order.contradicted,
        "under_review": order.under_review,
        "fraud_warning": order.warned_at is not None,
    }
    return [name for name, is_raised in raised.items() if is_raised]


def _refund(refund: RefundRecord) -> dict[str, Any]:
    return {
        "id": refund.stripe_id,
        "key": refund.key,
        "amount": refund.amount,
        "status": refund.status,
        "problem": refund.problem,
        "restock": refund.restock,
        "requested_at": _moment(refund.requested_at),
    }


def _dispute(dispute: DisputeRecord) -> dict[str, Any]:
    return {
        "id": dispute.stripe_id,
        "amount": dispute.amount,
        "reason": dispute.reason,
        "status": dispute.status,
        "opened_at": _moment(dispute.opened_at),
    }


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": _moment(entry.at),
        "what": entry.what,
        "from": entry.source,
        "to": entry.target,
        "actor": entry.actor,
        "cause": entry.cause,
        "detail": entry.detail,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
