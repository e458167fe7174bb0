"""What happened to an order, as far as it concerns the one who made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.lists import format_list

from bookshop.i18n import _
from bookshop.money import Money
from bookshop.orders.models import AuditEntry, Order
from bookshop.orders.pages import labels
from bookshop.orders.states import OrderStatus
from bookshop.orders.status import OPEN
from bookshop.payments.charges import DisputeStatus, RefundStatus


@dataclass(frozen=True)
class TimelineItem:
    """A line of the timeline; `text` is still to be translated, `tracking` is as it was given."""

    at: datetime
    text: Any
    tracking: str | None = None


def timeline(order: Order, locale: str) -> list[TimelineItem]:
    """What the customer should know of, the oldest first."""
    found = [TimelineItem(order.placed_at, labels.PLACED)]
    if order.paid_at is not None:
        found.append(TimelineItem(order.paid_at, labels.PAID))
    found.extend(_told(order, locale))
    # What happened at once stays as it is written here: paid, then refunded.
    return sorted(found, key=lambda happening: happening.at)


def _told(order: Order, locale: str) -> Iterator[TimelineItem]:
    said = set()  # a refund is pending, and succeeds later: that is told once
    for entry in order.entries:
        text = _text(entry, order.currency, locale)
        about = (entry.detail.get("id", entry.id), text)
        if text is not None and about not in said:
            said.add(about)
            yield TimelineItem(entry.at, text, entry.detail.get("tracking"))


def _text(entry: AuditEntry, currency: str, locale: str) -> Any:
    """What happened, in words; None for what is the shop's own business."""
    if entry.target is not None:
        return _move(entry.source, OrderStatus(entry.target))
    match entry.what:
        case "shipped":
            return _(labels.SENT, mapping={"books": _books(entry.detail["lines"], locale)})
        case "short":
            return labels.GONE
        case "refund":
            amount = Money(entry.detail["amount"], currency).format(locale)
            text = labels.REFUNDS[RefundStatus(entry.detail["status"])]
            return _(text, mapping={"amount": amount})
        case "dispute":
            return _dispute(entry.detail["status"])
        case _:
            return None


def _move(source: str | None, target: OrderStatus) -> Any:
    """The words of a move; that an order can be paid now is no news to whoever placed it."""
    made_ready = source == OrderStatus.PLACED and target is OrderStatus.AWAITING_PAYMENT
    return None if made_ready else labels.MOVES.get(target)


def _books(lines: list[dict[str, Any]], locale: str) -> str:
    """The copies in a parcel: Moss, and 2 × Comets."""
    return format_list(
        [
            line["title"] if line["quantity"] == 1 else f"{line['quantity']} × {line['title']}"
            for line in lines
        ],
        locale=locale,
    )


def _dispute(status: str) -> Any:
    if status in OPEN:
        return labels.DISPUTED
    return labels.DISPUTE_LOST if status == DisputeStatus.LOST else labels.DISPUTE_CLOSED
