"""Copies that leave the house: written down once, and told to the customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bookshop.orders.audit import TransitionContext, record_event
from bookshop.orders.models import Order, OrderLine
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.states import FULFILMENT, OrderStatus
from bookshop.orders.status import update_status

#: Where the shop has money to send books for.
PAYING = frozenset({*FULFILMENT, OrderStatus.PARTLY_REFUNDED, OrderStatus.DISPUTE_WON})


class CannotShipError(Exception):
    """Nothing is sent; the text says why, in plain words."""


@dataclass(frozen=True)
class ShipmentRequest:
    """What is sent: copies by SKU, None for all that are left of it; no SKU at all is everything.

    `despite_warning` sends what a bank takes for fraud, or a person has to look at first.
    """

    copies: Mapping[str, int | None]
    tracking: str | None = None
    despite_warning: bool = False


@dataclass(frozen=True)
class ShippedLine:
    """Copies of one line that have just been sent."""

    sku: str
    title: str
    quantity: int


def ship(occasion: TransitionContext, order: Order, parcel: ShipmentRequest) -> list[ShippedLine]:
    """Write down that copies are sent; the order must be locked. Raises CannotShipError.

    An e-book is sent by being handed over.
    """
    _check(order, parcel)
    sent = []
    for line, quantity in _packed(order, parcel):
        line.shipped += quantity
        sent.append(ShippedLine(line.sku, line.title, quantity))
    lines = [{"title": each.title, "quantity": each.quantity} for each in sent]
    record_event(occasion, order, "shipped", lines=lines, tracking=parcel.tracking)
    # Every parcel raises the number of copies that have been sent: that names it.
    reference = str(sum(line.shipped for line in order.lines))
    enqueue_order_email(
        occasion.session,
        order,
        MailKind.SHIPPED,
        reference,
        occasion.now,
        lines=lines,
        tracking=parcel.tracking,
    )
    update_status(occasion, order)
    return sent


def _check(order: Order, parcel: ShipmentRequest) -> None:
    if order.short:
        raise CannotShipError("Its copies had gone to others; the money goes back.")
    if order.status not in PAYING:
        state = order.status.replace("_", " ")
        raise CannotShipError(f"The order is {state}: there is no money to send books for.")
    if parcel.despite_warning:
        return
    for doubt, holds in (
        ("The bank that issued the card takes the payment for fraud", order.warned_at is not None),
        ("Stripe advises to look at the payment first", order.under_review),
        ("A payment did not agree with the order (bookshop reconcile)", order.contradicted),
    ):
        if holds:
            raise CannotShipError(f"{doubt}. To send it all the same: --despite-warning.")


def _packed(order: Order, parcel: ShipmentRequest) -> list[tuple[OrderLine, int]]:
    left = {line.sku: line.quantity - line.shipped for line in order.lines}
    if not any(left.values()):
        raise CannotShipError("Everything in it has been sent already.")
    for sku, quantity in parcel.copies.items():
        if sku not in left:
            raise CannotShipError(f"There is no {sku} in the order.")
        if left[sku] == 0:
            raise CannotShipError(f"All of {sku} has been sent already.")
        if quantity is not None and quantity > left[sku]:
            raise CannotShipError(f"No more than {left[sku]} of {sku} can be sent.")
    wanted = parcel.copies or dict.fromkeys(left)
    packed = (
        (line, wanted[line.sku] or left[line.sku]) for line in order.lines if line.sku in wanted
    )
    return [(line, quantity) for line, quantity in packed if quantity]
