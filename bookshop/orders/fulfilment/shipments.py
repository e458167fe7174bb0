"""Shipments: copies that leave the shop are recorded once, and the customer gets an e-mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from bookshop.inventory.reservations import OutOfStockError, take_restocked
from bookshop.orders.audit import AuditEvent, TransitionContext, record_event
from bookshop.orders.models import Order, OrderLine
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.refund_records import takes_copies_back
from bookshop.orders.states import SHIPPABLE
from bookshop.orders.transitions import update_status


class CannotShipError(Exception):
    """The shipment is refused: `code` is stable, the message says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class ShipmentRequest:
    """The copies to ship: quantities by SKU, None for all that remain; empty for everything.

    `despite_warning` ships although the payment is suspicious or under review.
    """

    copies: Mapping[str, int | None]
    tracking: str | None = None
    despite_warning: bool = False


@dataclass(frozen=True)
class ShippedLine:
    """Copies of one line that were just shipped."""

    sku: str
    title: str
    quantity: int


def copies_to_ship(order: Order) -> int:
    """Return how many copies the shop has still to send; 0 unless the order is paid and accepted.

    Copies that a refund returned to stock count: the customer may want them after all.
    """
    if order.status not in SHIPPABLE or not order.accepted:
        return 0
    return sum(line.quantity - line.shipped for line in order.lines)


def ship(context: TransitionContext, order: Order, request: ShipmentRequest) -> list[ShippedLine]:
    """Record a shipment; the order must be locked. Raises CannotShipError.

    Handing over an e-book counts as shipping it. Copies that a refund returned to stock are taken
    from stock again.
    """
    _check(context.session, order, request)
    selected = _select_lines(order, request)
    _take_restocked(context, order, selected)
    shipped = []
    for line, quantity in selected:
        line.shipped += quantity
        shipped.append(ShippedLine(line.sku, line.title, quantity))
    lines = [{"sku": each.sku, "title": each.title, "quantity": each.quantity} for each in shipped]
    tracking = request.tracking
    record_event(context, order, AuditEvent.ITEMS_SHIPPED, lines=lines, tracking=tracking)
    # The total of shipped copies grows with each shipment, so it identifies the shipment.
    reference = str(sum(line.shipped for line in order.lines))
    enqueue_order_email(
        context.session,
        order,
        MailKind.SHIPPED,
        reference,
        context.now,
        lines=lines,
        tracking=tracking,
    )
    update_status(context, order)
    return shipped


def _check(session: Session, order: Order, request: ShipmentRequest) -> None:
    if order.out_of_stock:
        raise CannotShipError(
            "out_of_stock", "The order was out of stock when it was paid, and is refunded."
        )
    if order.rejection:
        reason = order.rejection.replace("_", " ")
        raise CannotShipError(
            "rejected", f"The payment was not accepted ({reason}), and is refunded."
        )
    if order.status not in SHIPPABLE:
        status = order.status.replace("_", " ")
        raise CannotShipError("status", f"The order is {status}, so nothing can be shipped.")
    if takes_copies_back(session, order):
        raise CannotShipError(
            "refund_requested",
            "A refund of this order has been requested, so nothing can be shipped.",
        )
    if request.despite_warning:
        return
    for code, warning, applies in (
        ("fraud_warning", "The card issuer suspects fraud", order.fraud_warned_at is not None),
        ("under_review", "Stripe advises to review the payment first", order.under_review),
        (
            "payment_mismatch",
            "A payment does not match the order (see bookshop reconcile)",
            order.payment_mismatch,
        ),
    ):
        if applies:
            raise CannotShipError(code, f"{warning}. To ship anyway: --despite-warning.")


def _select_lines(order: Order, request: ShipmentRequest) -> list[tuple[OrderLine, int]]:
    """Return the lines to ship with their quantities. Raises CannotShipError."""
    left = {line.sku: line.quantity - line.shipped for line in order.lines}
    if not copies_to_ship(order):
        raise CannotShipError("all_shipped", "Everything in this order has been shipped already.")
    for sku, quantity in request.copies.items():
        if sku not in left:
            raise CannotShipError("not_in_order", f"{sku} is not part of this order.")
        if left[sku] == 0:
            raise CannotShipError("line_shipped", f"All copies of {sku} have been shipped already.")
        if quantity is not None and quantity > left[sku]:
            raise CannotShipError("too_many", f"Only {left[sku]} of {sku} remain to be shipped.")
    requested = request.copies or dict.fromkeys(left)
    selected = (
        (line, requested[line.sku] or left[line.sku])
        for line in order.lines
        if line.sku in requested
    )
    return [(line, quantity) for line, quantity in selected if quantity]


def _take_restocked(
    context: TransitionContext, order: Order, selected: list[tuple[OrderLine, int]]
) -> None:
    """Take copies from stock that a refund returned to it. Raises CannotShipError."""
    taken = []
    try:
        with context.session.begin_nested():
            for line, quantity in sorted(selected, key=lambda each: each[0].sku):
                held = max(line.quantity - line.shipped - line.restocked, 0)
                if quantity > held:
                    take_restocked(context.session, line, quantity - held)
                    taken.append({"sku": line.sku, "quantity": quantity - held})
    except OutOfStockError as err:
        raise CannotShipError(
            "restocked",
            f"A refund returned {err.title} to stock, and it has been sold since."
            " Add copies to the stock, or refund the order.",
        ) from None
    if taken:
        record_event(context, order, AuditEvent.TAKEN_FROM_STOCK, lines=taken)
