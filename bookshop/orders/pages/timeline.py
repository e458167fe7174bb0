"""The timeline of the order page: the events of an order that concern its customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.lists import format_list

from bookshop.i18n import _
from bookshop.money import Money
from bookshop.orders.audit import AuditEvent
from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.pages.labels import REFUND_CODES, SHOWN_STATUS_CHANGES, TIMELINE_TEXTS
from bookshop.orders.states import OrderStatus
from bookshop.orders.transitions import OPEN_DISPUTE_STATUSES
from bookshop.payments.charges import DisputeStatus, RefundStatus


@dataclass(frozen=True)
class TimelineItem:
    """One event: `code` is a key of TIMELINE_TEXTS, `text` is that text, untranslated."""

    at: datetime
    code: str
    text: Any
    tracking: str | None = None


def timeline(order: Order, locale: str) -> list[TimelineItem]:
    """Return the order's events that its customer may see, oldest first."""
    items = [TimelineItem(order.placed_at, "placed", TIMELINE_TEXTS["placed"])]
    if order.paid_at is not None:
        items.append(TimelineItem(order.paid_at, "paid", TIMELINE_TEXTS["paid"]))
    items.extend(_audit_items(order, locale))
    # The sort is stable: events of the same moment keep this order, paid before refunded.
    return sorted(items, key=lambda item: item.at)


def _audit_items(order: Order, locale: str) -> Iterator[TimelineItem]:
    shown = set()  # a refund has an entry when it is pending and another when it succeeds
    for entry in order.entries:
        code = _code(entry)
        event = (entry.detail.get("id", entry.id), code)
        if code is None or event in shown:
            continue
        shown.add(event)
        text = _(TIMELINE_TEXTS[code], mapping=_values(code, entry, order.currency, locale))
        yield TimelineItem(entry.at, code, text, entry.detail.get("tracking"))


def _code(entry: AuditEntry) -> str | None:
    """Return the event's code, or None if it concerns the shop alone."""
    if entry.to_status is not None:
        return _status_change_code(entry.from_status, OrderStatus(entry.to_status))
    match entry.event:
        case AuditEvent.ITEMS_SHIPPED:
            return "shipped"
        case AuditEvent.OUT_OF_STOCK | AuditEvent.PAYMENT_REJECTED:
            return str(entry.detail.get("reason", "out_of_stock"))
        case AuditEvent.REFUND_UPDATED:
            return REFUND_CODES[RefundStatus(entry.detail["status"])]
        case AuditEvent.DISPUTE_UPDATED:
            return _dispute_code(entry.detail["status"])
        case _:
            return None


def _status_change_code(source: str | None, target: OrderStatus) -> str | None:
    # A new order becomes payable at once: that is not a failed payment.
    made_payable = source == OrderStatus.PLACED and target is OrderStatus.AWAITING_PAYMENT
    return None if made_payable else SHOWN_STATUS_CHANGES.get(target)


def _dispute_code(status: str) -> str:
    if status in OPEN_DISPUTE_STATUSES:
        return "bank_question"
    return "payment_reversed" if status == DisputeStatus.LOST else "bank_question_resolved"


def _values(code: str, entry: AuditEntry, currency: str, locale: str) -> dict[str, str]:
    """Return the values for the placeholders of the event's text."""
    match code:
        case "shipped":
            return {"books": _books(entry.detail["lines"], locale)}
        case "refunded" | "refund_failed" | "refund_cancelled":
            return {"amount": Money(entry.detail["amount"], currency).format(locale)}
        case _:
            return {}


def _books(lines: list[dict[str, Any]], locale: str) -> str:
    """Return the books of a shipment as a list: Moss and 2 × Comets."""
    return format_list(
        [
            line["title"] if line["quantity"] == 1 else f"{line['quantity']} × {line['title']}"
            for line in lines
        ],
        locale=locale,
    )
