"""What is so at one moment: in the shop's database, at Stripe, in the folder of mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from functools import cached_property
from typing import Any

from sqlalchemy import select

from bookshop.catalogue.models import BookRecord
from bookshop.mail.models import MailRecord
from bookshop.orders.models import AuditEntry, DisputeRecord, Order, OrderLine, RefundRecord
from tests.properties.rig import BOOKS, Rig

Row = dict[str, Any]
KINDS = {
    "intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "warnings": "radar.early_fraud_warning",
    "reviews": "review",
}


@dataclass
class Stripe:
    """The account's objects, as Stripe shows them, the oldest first."""

    intents: list[Row]
    charges: list[Row]
    refunds: list[Row]
    disputes: list[Row]
    warnings: list[Row]
    reviews: list[Row]

    @cached_property
    def by_intent(self) -> dict[str, Row]:
        return {intent["id"]: intent for intent in self.intents}

    def of(self, kind: str, intent: str) -> list[Row]:
        return [each for each in getattr(self, kind) if each["payment_intent"] == intent]

    def intents_of(self, number: str) -> list[Row]:
        return [each for each in self.intents if each["metadata"].get("order") == number]

    def succeeded(self, number: str) -> list[Row]:
        return [each for each in self.intents_of(number) if each["status"] == "succeeded"]


@dataclass
class Facts:
    """Rows of the shop's tables, and Stripe's objects.

    `copies` are those that each book began with, and those that came since; `once_more` the
    numbers of orders whose buyers knew that they buy another copy.
    """

    now: datetime
    copies: dict[str, int | None]
    once_more: set[str]
    books: list[Row]
    orders: list[Row]
    lines: dict[int, list[Row]]
    entries: dict[int, list[Row]]
    refunds: dict[int, list[Row]]
    disputes: dict[int, list[Row]]
    mails: list[Row]
    letters: list[str]
    stripe: Stripe

    @cached_property
    def by_number(self) -> dict[str, Row]:
        return {order["number"]: order for order in self.orders}

    def mails_of(self, order: Row, kind: str) -> list[Row]:
        return [
            mail for mail in self.mails if (mail["order_id"], mail["kind"]) == (order["id"], kind)
        ]

    def moves(self, order: Row) -> list[tuple[str | None, str]]:
        entries = self.entries[order["id"]]
        return [
            (entry["from_status"], entry["to_status"]) for entry in entries if entry["to_status"]
        ]


def gather(rig: Rig, copies: dict[str, int | None], once_more: set[str]) -> Facts:
    """Read it all, without a word to the shop's own code."""
    with rig.registry.services.engine.connect() as connection:

        def rows(table, *order_by) -> list[Row]:
            statement = select(table.__table__).order_by(*order_by)
            return [dict(row) for row in connection.execute(statement).mappings()]

        orders = rows(Order, Order.id)

        def by_order(table, *order_by) -> dict[int, list[Row]]:
            found: dict[int, list[Row]] = {order["id"]: [] for order in orders}
            for row in rows(table, *order_by):
                found[row["order_id"]].append(row)
            return found

        books = select(BookRecord.__table__).where(BookRecord.sku.in_(BOOKS))
        return Facts(
            now=rig.clock.look(),
            copies=copies,
            once_more=once_more,
            books=[dict(row) for row in connection.execute(books).mappings()],
            orders=orders,
            lines=by_order(OrderLine, OrderLine.order_id, OrderLine.position),
            entries=by_order(AuditEntry, AuditEntry.id),
            refunds=by_order(RefundRecord, RefundRecord.id),
            disputes=by_order(DisputeRecord, DisputeRecord.id),
            mails=rows(MailRecord, MailRecord.id),
            letters=_letters(rig),
            stripe=stripe(rig),
        )


def stripe(rig: Rig) -> Stripe:
    """Stripe's objects alone."""
    found = {name: list(rig.store.select(kind))[::-1] for name, kind in KINDS.items()}
    return Stripe(**found)


def _letters(rig: Rig) -> list[str]:
    """The local part of each mail's Message-ID, for every file in the folder."""
    return [
        message_from_bytes(file.read_bytes(), policy=policy.default)["Message-ID"]
        .strip("<>")
        .partition("@")[0]
        for file in rig.mail_folder.glob("*.eml")
    ]
