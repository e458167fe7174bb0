"""What the database knows of an order."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from bookshop.db import Base
from bookshop.money import Money


class OrderStatus(StrEnum):
    """How far an order has come."""

    AWAITING_PAYMENT = "awaiting_payment"
    PROCESSING = "processing"
    PAID = "paid"
    CANCELLED = "cancelled"


class Order(Base):
    """One order. It exists before its PaymentIntent, and never has a second one.

    `visitor` is the browser it belongs to; `basis` names what is being bought by whom, and is
    unique: the same page opened again, however often at once, finds the same order. `revision`
    counts changes of the total. Copies are held for the order while `holding`; until `held_until`
    where that is set, and while the payment is processing for as long as that takes. `asked_at` is
    when Stripe was asked for what the status tells; `short`, that it was paid when its copies had
    gone to others.
    """

    __tablename__ = "orders"
    __table_args__ = (CheckConstraint("total > 0", name="total_positive"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str] = mapped_column(default=OrderStatus.AWAITING_PAYMENT)
    visitor: Mapped[str] = mapped_column(index=True)
    basis: Mapped[str | None] = mapped_column(unique=True)
    currency: Mapped[str]
    total: Mapped[int]
    revision: Mapped[int] = mapped_column(default=1)
    email: Mapped[str | None]
    payment_intent: Mapped[str | None] = mapped_column(unique=True)
    holding: Mapped[bool] = mapped_column(default=False)
    held_until: Mapped[datetime | None] = mapped_column(index=True)
    asked_at: Mapped[datetime | None]
    short: Mapped[bool] = mapped_column(default=False)
    placed_at: Mapped[datetime] = mapped_column(index=True)
    paid_at: Mapped[datetime | None]

    lines: Mapped[list[OrderLine]] = relationship(
        order_by="OrderLine.position", cascade="all, delete-orphan", lazy="selectin"
    )

    @validates("status")
    def _known_status(self, _key: str, status: str) -> str:
        # A string in the database keeps later migrations painless.
        return OrderStatus(status).value

    @property
    def money(self) -> Money:
        """The total."""
        return Money(self.total, self.currency)


class OrderLine(Base):
    """A book in an order, with title and price as sold. Amounts are in the order's currency."""

    __tablename__ = "order_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("unit_amount > 0", name="unit_amount_positive"),
    )

    order_id: Mapped[int] = mapped_column(
        ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[str]
    title: Mapped[str]
    quantity: Mapped[int]
    unit_amount: Mapped[int]

    @property
    def amount(self) -> int:
        """What the line comes to, in minor units."""
        return self.unit_amount * self.quantity
