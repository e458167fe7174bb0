"""Orders as JSON data: amounts in minor units, times in UTC (ISO 8601)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bookshop.orders.models import AuditEntry, DisputeRecord, Order, RefundRecord
from bookshop.orders.snapshot import OrderSnapshot, order_snapshot


def order_to_json(order: OrderSnapshot) -> dict[str, Any]:
    """Return an order with its lines."""
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
        "paid_at": _isoformat(order.paid_at),
        "flags": order_flags(order),
    }


def order_details(session: Session, number: str) -> dict[str, Any] | None:
    """Return an order with its lines, refunds, disputes and history; None if there is none."""
    order = session.scalar(select(Order).where(Order.number == number))
    if order is None:
        return None
    return {
        **order_to_json(order_snapshot(order)),
        "refunds": [_refund_to_json(refund) for refund in order.refunds],
        "disputes": [_dispute_to_json(dispute) for dispute in order.disputes],
        "history": [_entry_to_json(entry) for entry in order.entries],
    }


def order_flags(order: OrderSnapshot) -> list[str]:
    """Return the names of the warnings to check before the order is shipped."""
    flags = {
        "out_of_stock": order.out_of_stock,
        "payment_mismatch": order.payment_mismatch,
        "under_review": order.under_review,
        "fraud_warning": order.fraud_warned_at is not None,
    }
    names = [name for name, is_set in flags.items() if is_set]
    return [*names, order.rejection.value] if order.rejection else names


def _refund_to_json(refund: RefundRecord) -> dict[str, Any]:
    return {
        "id": refund.stripe_id,
        "key": refund.key,
        "amount": refund.amount,
        "status": refund.status,
        "problem": refund.problem,
        "restock": refund.restock,
        "requested_at": _isoformat(refund.requested_at),
    }


def _dispute_to_json(dispute: DisputeRecord) -> dict[str, Any]:
    return {
        "id": dispute.stripe_id,
        "amount": dispute.amount,
        "reason": dispute.reason,
        "status": dispute.status,
        "opened_at": _isoformat(dispute.opened_at),
    }


def _entry_to_json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": _isoformat(entry.at),
        "event": entry.event,
        "from": entry.from_status,
        "to": entry.to_status,
        "actor": entry.actor,
        "cause": entry.cause,
        "detail": entry.detail,
    }


def _isoformat(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
