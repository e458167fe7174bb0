"""The PaymentIntents of one session's orders: created, changed and cancelled at Stripe.

No transaction is open while waiting for Stripe; each result is committed at once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session
from transaction import TransactionManager

from bookshop.checkout.errors import OrderClosedError
from bookshop.checkout.payment_sync import PaymentMismatchError, sync_and_commit
from bookshop.db import outside_transaction
from bookshop.orders.payment.intents import cancel_intent, intent_for
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.payments.errors import EmailRefusedError, IntentStateError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import PaymentIntent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OrderIntents:
    """Calls Stripe for an order. Every method raises the errors of Gateway, and OrderClosedError.

    OrderClosedError means that the intent can no longer be paid, or contradicts the order.
    """

    db: Session
    transactions: TransactionManager
    gateway: Gateway

    def open(self, order: OrderSnapshot) -> tuple[OrderSnapshot, PaymentIntent]:
        """Return the order, synchronised with its intent, and the intent, which can be paid."""
        with outside_transaction(self.transactions):
            intent = intent_for(self.gateway, order)
        order = self.sync(order, intent)
        if not intent.open:
            raise OrderClosedError(order)
        return order, intent

    def update(
        self, order: OrderSnapshot, intent_id: str, receipt_email: str | None
    ) -> PaymentIntent:
        """Return the intent with the order's total and the receipt's e-mail address, if any.

        If Stripe refuses the address, it sends no receipt; the shop's own confirmation is enough.
        """
        with outside_transaction(self.transactions):
            try:
                intent = self._update(order, intent_id, receipt_email)
            except IntentStateError:
                intent = self.gateway.retrieve_intent(intent_id)
        if not intent.open:
            raise OrderClosedError(self.sync(order, intent))
        return intent

    def _update(
        self, order: OrderSnapshot, intent_id: str, receipt_email: str | None
    ) -> PaymentIntent:
        try:
            return self.gateway.update_intent(intent_id, order.total, receipt_email)
        except EmailRefusedError:
            log.warning("receipt_address_refused", extra={"order": order.number})
            return self.gateway.update_intent(intent_id, order.total, "")

    def cancel(
        self, order: OrderSnapshot, intent_id: str, reason: Literal["abandoned", "duplicate"]
    ) -> OrderSnapshot:
        """Cancel the order's intent and return the order, which may have been paid just before."""
        with outside_transaction(self.transactions):
            intent = cancel_intent(self.gateway, intent_id, reason)
        return self.sync(order, intent)

    def sync(self, order: OrderSnapshot, intent: PaymentIntent) -> OrderSnapshot:
        """Return the order, synchronised with the intent, and commit."""
        try:
            return sync_and_commit(self.db, self.transactions, intent, "checkout")
        except PaymentMismatchError:
            raise OrderClosedError(order) from None
