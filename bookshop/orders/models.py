"""What the database knows of an order: its lines, its money, and all that ever happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from bookshop.db import Base
from bookshop.money import Money
from bookshop.orders.states import OrderStatus

ERASED = "erased-"  # how the visitor begins of an order whose customer has been erased


class Order(Base):
    """One order. It exists before its PaymentIntent, and never has a second one.

    `visitor` is the browser it belongs to; `basis` names what is being bought by whom, and is
    unique: the same page opened again, however often at once, finds the same order. `revision`
    counts changes of the total. Copies are held for the order while `holding`; until `held_until`
    where that is set, and while the payment is processing for as long as that takes.

    `intent_status` is Stripe's word at `asked_at`. `refunded` is what went back or is on its way,
    in minor units. `short`: it was paid when its copies had gone to others. `contradicted`: what
    was paid is not what was ordered. `warned_at`: an early fraud warning came. `under_review`:
    Stripe advises to look before the books are sent. `address` is the customer's, as Stripe has it.
    """

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("total > 0", name="total_positive"),
        CheckConstraint("refunded BETWEEN 0 AND total", name="refunded_within_total"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default=OrderStatus.PLACED, index=True)
    visitor: Mapped[str] = mapped_column(index=True)
    basis: Mapped[str | None] = mapped_column(unique=True)
    currency: Mapped[str]
    total: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    email: Mapped[str | None]
    address: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    payment_intent: Mapped[str | None] = mapped_column(unique=True)
    intent_status: Mapped[str | None]
    asked_at: Mapped[datetime | None]
    holding: Mapped[bool] = mapped_column(default=False)
    held_until: Mapped[datetime | None] = mapped_column(index=True)
    short: Mapped[bool] = mapped_column(default=False)
    refunded: Mapped[int] = mapped_column(default=0)
    contradicted: Mapped[bool] = mapped_column(default=False)
    under_review: Mapped[bool] = mapped_column(default=False)
    warned_at: Mapped[datetime | None]
    placed_at: Mapped[datetime] = mapped_column(index=True)
    paid_at: Mapped[datetime | None]
    restocked_at: Mapped[datetime | None]

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
    def _known_status(self, _key: str, status: str) -> str:
        # A string in the database keeps later migrations painless.
        return OrderStatus(status).value

    @property
    def erased(self) -> bool:
        """Whether its customer has been erased: nothing about them comes back."""
        return self.visitor.startswith(ERASED)

    @property
    def money(self) -> Money:
        """The total."""
        return Money(self.total, self.currency)


class OrderLine(Base):
    """A book in an order, as sold: title, price, and the tax within it.

    Amounts are in minor units of `currency`; `tax_amount` is None where no tax was worked out.
    `digital` copies are not sent by post; `shipped` counts those that have reached the post or,
    digital ones, the customer.
    """

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_amount > 0", name="unit_amount_positive"),
        CheckConstraint("shipped BETWEEN 0 AND quantity", name="shipped_within_quantity"),
    )

    order_id: Mapped[int] = mapped_column(
        ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    title: Mapped[str]
    digital: Mapped[bool] = mapped_column(default=False)
    quantity: Mapped[int]
    currency: Mapped[str]
    unit_amount: Mapped[int]
    tax_amount: Mapped[int | None]
    shipped: Mapped[int] = mapped_column(default=0)

    @property
    def amount(self) -> int:
        """What the line comes to, in minor units."""
        return self.unit_amount * self.quantity


class AuditEntry(Base):
    """A line of an order's history: what happened when, and what caused it.

    `what` is the kind of happening; a move of the order has `source` and `target`. `actor` says
    who, `cause` by what: an event's id, a command with the person who gave it, a page.
    """

    __tablename__ = "order_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    what: Mapped[str]
    source: Mapped[str | None]
    target: Mapped[str | None]
    actor: Mapped[str]
    cause: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class RefundRecord(Base):
    """Money that goes back: asked for here (`key`), or made in Stripe's dashboard (no key).

    `status` is `requested` until Stripe has heard of it, `refused` where Stripe would not, and
    Stripe's own afterwards. `attempt` counts the idempotency keys that were used up.
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
    """A dispute, as Stripe's last word has it."""

    __tablename__ = "disputes"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id", ondelete="CASCADE"), index=True)
    stripe_id: Mapped[str] = mapped_column(unique=True)
    amount: Mapped[int]
    reason: Mapped[str]
    status: Mapped[str]
    opened_at: Mapped[datetime]
