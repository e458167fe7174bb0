"""Factories of valid books, orders and Stripe objects; tests override single values."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from bookshop.catalogue.edition import Contributor, Edition, Price, Subject
from bookshop.catalogue.forms import form_key
from bookshop.catalogue.listings import listing_row
from bookshop.catalogue.models import BookRecord, ListingRecord
from bookshop.catalogue.pricing import SalesContext
from bookshop.catalogue.writer import book_row
from bookshop.money import Money
from bookshop.orders.models import Order, OrderLine
from bookshop.orders.number import new_number
from bookshop.orders.states import OrderStatus
from bookshop.payments.charges import Charge, Dispute, DisputeStatus, Refund, RefundStatus
from bookshop.payments.intents import Failure, IntentStatus, PaymentIntent
from bookshop.settings.parsers import Secret

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_numbers = itertools.count(1)


TERMS = SalesContext("GBP", "GB")


def edition(sku: str | None = None, *, prices: dict[str, int] | None = None, **values) -> Edition:
    """Return a paperback with one author at 9.99 GBP; `people` are (role, name) pairs."""
    number = next(_numbers)
    people = values.pop("people", [("A01", "Ada Example")])
    filled = {
        "title": f"Book {number}",
        "form": "BC",
        "language": "eng",
        "publisher": "Example Press",
        "subjects": (Subject("93", "FBA", "Fiction"),),
        "description": "<p>A book.</p>",
        "availability": "20",
    }
    return Edition(
        sku=sku or f"SKU-{number}",
        contributors=tuple(Contributor(name, role) for role, name in people),
        prices=tuple(
            Price(currency, amount)
            for currency, amount in ({"GBP": 999} if prices is None else prices).items()
        ),
        **{**filled, **values},
    )


def book(sku: str | None = None, **values) -> BookRecord:
    """Return the record of an edition with a stock of five, and its listing as of NOW."""
    row = {name: values.pop(name) for name in ("stock", "reserved", "cover") if name in values}
    described = edition(sku, **values)
    row = {"stock": 5, "reserved": 0, "cover": "cover.svg", "withdrawn": False, **row}
    return BookRecord(
        sku=described.sku,
        added_at=NOW,
        **{**book_row(described, NOW), "edition": described},
        **row,
        listing=ListingRecord(**listing_row(described, row["cover"], TERMS, NOW.date())),
    )


def order(*books: BookRecord, quantity: int = 1, price: int = 999, **values) -> Order:
    """Return an order awaiting payment for `quantity` copies of each book."""
    lines = [
        OrderLine(
            position=position,
            sku=item.sku,
            title=item.title,
            byline=item.edition.byline,
            form=form_key(item.edition.form, item.edition.details),
            quantity=quantity,
            currency=values.get("currency", "GBP"),
            unit_amount=price,
        )
        for position, item in enumerate(books, start=1)
    ]
    number = next(_numbers)
    filled = {
        "number": new_number(),
        "status": OrderStatus.AWAITING_PAYMENT,
        "session_id": "visitor",
        "dedup_key": f"key-{number}",
        "currency": "GBP",
        "total": sum(line.amount for line in lines) or price,
        "payment_intent": f"pi_{number}",
        "placed_at": NOW,
        "refunded": 0,
        "email_attempted": True,
    }
    return Order(lines=lines, **{**filled, **values})


def intent_of(
    order: Order,
    status: IntentStatus = IntentStatus.REQUIRES_PAYMENT_METHOD,
    **values,
) -> PaymentIntent:
    """Return the order's PaymentIntent in that status; `values` override what matches."""
    filled = {
        "id": order.payment_intent or f"pi_{next(_numbers)}",
        "amount": Money(order.total, order.currency),
        "amount_received": order.total if status is IntentStatus.SUCCEEDED else 0,
        "client_secret": Secret("pi_secret_example"),
        "reference": order.number,
        "livemode": False,
        "failure": None,
        "checked_at": NOW,
    }
    return PaymentIntent(status=status, **{**filled, **values})


def failure(**values) -> Failure:
    """Return the failure of a card declined for insufficient funds."""
    filled = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
    }
    return Failure(**{**filled, **values})


def charge(*refunds: Refund, disputes: tuple[Dispute, ...] = (), **values) -> Charge:
    """Return a succeeded charge with its refunds and disputes."""
    filled = {
        "id": "ch_1",
        "amount_refunded": sum(refund.amount.amount for refund in refunds if refund.status.counts),
        "refunds": refunds,
        "disputes": disputes,
        "under_review": False,
        "address": None,
        "receipt_email": None,
    }
    return Charge(**{**filled, **values})


def refund(amount: int, status: RefundStatus = RefundStatus.SUCCEEDED, **values) -> Refund:
    """Return a refund in GBP, made in Stripe's dashboard unless it has a `reference`."""
    number = next(_numbers)
    filled = {
        "id": f"re_{number}",
        "intent_id": "pi_1",
        "amount": Money(amount, "GBP"),
        "reference": None,
        "reason": None,
        "failure_reason": None,
        "created": NOW,
    }
    return Refund(status=status, **{**filled, **values})


def dispute(status: DisputeStatus, **values) -> Dispute:
    """Return a dispute about 9.99 GBP in that status."""
    filled = {
        "id": f"du_{next(_numbers)}",
        "intent_id": "pi_1",
        "amount": Money(999, "GBP"),
        "reason": "fraudulent",
        "created": NOW,
    }
    return Dispute(status=status, **{**filled, **values})
