"""The tables of orders: lines, refunds, disputes, and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from bookshop.db import Base
from bookshop.money import Money
from bookshop.orders.states import OrderStatus

#: Prefix of the session id of an order whose customer's data has been erased.
ERASED = "erased-"
INTENT_MISSING = "missing"  # the `intent_status` of a PaymentIntent that Stripe does not have


class Order(Base):
    """An order. It exists before its PaymentIntent, and has at most one in its lifetime.

    `session_id` is the browser session that it belongs to, `network` the keyed hash of the network
    that it was last used from, for about a day. `dedup_key` identifies what the session buys; it is
    unique, so that opening the same page again finds the same order. `revision` counts changes of
    the total. The order's copies are reserved while `stock_reserved`, until
    `reserved_until`; None means until the pending payment is decided. `reservation_ends_at` is the
    time beyond which that is not extended; None if the copies were never reserved.

    `intent_status` is the status at Stripe at the time `checked_at`, or INTENT_MISSING. `refunded`
    is the sum of the refunds, in minor units. `out_of_stock`: paid after its copies were sold.
    `rejection` is another reason not to accept the payment, a `states.Rejection`, or None.
    `payment_mismatch`: the payment contradicts the order. `fraud_warned_at`: time of an early
    fraud warning. `under_review`: Stripe advises a manual review before shipping. `address` is the
    customer's, as Stripe reports it. `email_attempted`: Stripe knows of an attempt to pay with
    `email`; nothing is sent to an address before that.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total > 0", name="total_positive"),
        CheckConstraint("refunded BETWEEN 0 AND total", name="refunded_within_total"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default=OrderStatus.PLACED, index=True)
    session_id: Mapped[str] = mapped_column(index=True)
    network: Mapped[str | None] = mapped_column(index=True)
    dedup_key: Mapped[str | None] = mapped_column(unique=True)
    currency: Mapped[str]
    total: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    email: Mapped[str | None]
    email_attempted: Mapped[bool] = mapped_column(default=False, server_default=false())
    address: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    payment_intent: Mapped[str | None] = mapped_column(unique=True)
    intent_status: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    stock_reserved: Mapped[bool] = mapped_column(default=False)
    reserved_until: Mapped[datetime | None] = mapped_column(index=True)
    reservation_ends_at: Mapped[datetime | None]
    out_of_stock: Mapped[bool] = mapped_column(default=False)
    rejection: Mapped[str | None]
    refunded: Mapped[int] = mapped_column(default=0)
    payment_mismatch: Mapped[bool] = mapped_column(default=False)
    under_review: Mapped[bool] = mapped_column(default=False)
    fraud_warned_at: Mapped[datetime | None]
    placed_at: Mapped[datetime] = mapped_column(index=True)
    paid_at: Mapped[datetime | None]

    lines: Mapped[list[OrderLine]] = relationship(
        order_by="OrderLine.position", cascade="all, delete-orphan", lazy="selectin"
    )
    refunds: Mapped[list[RefundRecord]] = relationship(
        order_by="RefundRecord.id", cascade="all, delete-orphan"
    )
    disputes: Mapped[list[DisputeRecord]] = relationship(
        order_by="DisputeRecord.id", cascade="all, delete-orphan"
    )
    entries: Mapped[list[AuditEntry]] = relationship(
        order_by="AuditEntry.id", cascade="all, delete-orphan"
    )

    @validates("status")
    def _validate_status(self, _key: str, status: str) -> str:
        # Stored as a string: a database enum would need a migration for each new status.
        return OrderStatus(status).value

    @property
    def accepted(self) -> bool:
        """False if the payment is refunded in full, so that nothing is shipped."""
        return not self.out_of_stock and self.rejection is None

    @property
    def erased(self) -> bool:
        """True if the customer's data has been erased; none may be recorded again."""
        return self.session_id.startswith(ERASED)

    def set_email(self, email: str) -> None:
        """Set the address that the customer typed, which may be another person's."""
        if email != self.email:
            self.email, self.email_attempted = email, False

    @property
    def money(self) -> Money:
        """The total with its currency."""
        return Money(self.total, self.currency)

    def set_price(self, price: Money) -> None:
        """Change the total of an order for one copy, which customers see as another revision."""
        (line,) = self.lines
        self.currency, self.total = line.currency, line.unit_amount = price.currency, price.amount
        self.revision += 1


class OrderLine(Base):
    """Copies of a book in an order, as described and priced at the time of the order.

    Amounts are in minor units of `currency`; `tax_amount` is None if no tax was calculated.
    `byline` and `form`, a `forms.form_key`, are empty if they are not known. `shipped` counts the
    copies that were dispatched or, if `digital`, handed over; `restocked` those that were sold and
    are back in stock because of a refund.
    """

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_amount > 0", name="unit_amount_positive"),
        CheckConstraint("shipped BETWEEN 0 AND quantity", name="shipped_within_quantity"),
        CheckConstraint("restocked BETWEEN 0 AND quantity", name="restocked_within_quantity"),
    )

    order_id: Mapped[int] = mapped_column(
        ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    title: Mapped[str]
    byline: Mapped[str] = mapped_column(default="")
    form: Mapped[str] = mapped_column(default="")
    digital: Mapped[bool] = mapped_column(default=False)
    quantity: Mapped[int]
    currency: Mapped[str]
    unit_amount: Mapped[int]
    tax_amount: Mapped[int | None]
    shipped: Mapped[int] = mapped_column(default=0)
    restocked: Mapped[int] = mapped_column(default=0)

    @property
    def amount(self) -> int:
        """The line's total, in minor units."""
        return self.unit_amount * self.quantity


class AuditEntry(Base):
    """An entry of an order's audit trail.

    `event` is one of `audit.AuditEvent`; a change of status has `from_status` (None for a new
    order) and `to_status`. `actor` is a `states.Actor`, `cause` the trigger: an event's id, a page,
    or a command with its user. `detail` is JSON data that depends on the event.
    """

    __tablename__ = "order_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    event: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str | None]
    actor: Mapped[str]
    cause: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class RefundRecord(Base):
    """A refund, requested by the shop (with a `key`) or made in Stripe's dashboard (without).

    `status` is a LocalRefundStatus until the refund exists at Stripe, and Stripe's afterwards.
    `attempt` counts the idempotency keys that were used. `amount` is in minor units.
    """

    __tablename__ = "refunds"
    __table_args__ = (CheckConstraint("amount > 0", name="amount_positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    key: Mapped[str | None] = mapped_column(unique=True)
    stripe_id: Mapped[str | None] = mapped_column(unique=True)
    amount: Mapped[int]
    status: Mapped[str] = mapped_column(index=True)
    problem: Mapped[str | None]
    restock: Mapped[bool] = mapped_column(default=False)
    attempt: Mapped[int] = mapped_column(default=1)
    requested_at: Mapped[datetime]


class DisputeRecord(Base):
    """A dispute as last reported by Stripe; `amount` is in minor units."""

    __tablename__ = "disputes"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    stripe_id: Mapped[str] = mapped_column(unique=True)
    amount: Mapped[int]
    reason: Mapped[str]
    status: Mapped[str]
    opened_at: Mapped[datetime]


class LinkRequest(Base):
    """A request for a new link to an order, as it was typed; deleted once it is answered."""

    __tablename__ = "link_requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str]
    email: Mapped[str]
    requested_at: Mapped[datetime]
