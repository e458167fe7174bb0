"""Takes a customer from a book to an order that can be paid.

Each step is a short transaction of its own; none is open while waiting for Stripe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from transaction import TransactionManager

from bookshop import clock
from bookshop.catalogue.queries import CatalogueQueries
from bookshop.catalogue.resources import possible_skus
from bookshop.catalogue.works.listing import Listing
from bookshop.checkout.email_address import receipt_address
from bookshop.checkout.errors import (
    ConfirmationRequired,
    OrderClosedError,
    TotalChangedError,
    UnavailableError,
    UnknownItemError,
)
from bookshop.checkout.limits import ClientLimits
from bookshop.checkout.order_intents import OrderIntents
from bookshop.db import commit_now, outside_transaction
from bookshop.inventory.reservations import reserve
from bookshop.money import Money
from bookshop.orders import placement
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.models import Order
from bookshop.orders.offers import find_rejection
from bookshop.orders.payment.expiry import expire_lapsed
from bookshop.orders.payment.failed_attempts import check_failed_attempts
from bookshop.orders.payment.intents import may_have_lost_key
from bookshop.orders.payment.reservation_limits import check_reservations
from bookshop.orders.placement import CHECKOUT, DedupKey
from bookshop.orders.snapshot import OrderSnapshot, order_snapshot
from bookshop.orders.states import (
    CLOSED,
    PAID_FOR,
    UNPAID,
    Actor,
    OrderStatus,
    Rejection,
)
from bookshop.payment_limits import unpayable_reason
from bookshop.payments.errors import IntentMissingError, StoredFailureError
from bookshop.payments.gateway import Gateway
from bookshop.payments.intents import PaymentIntent

EXPIRY = Cause(Actor.CLOCK, "checkout")
MAX_STALE_ORDERS = 2  # orders under one dedup key that are replaced if they have no intent


@dataclass(frozen=True)
class Payable:
    """An order and the PaymentIntent that pays it."""

    order: OrderSnapshot
    intent: PaymentIntent


@dataclass(frozen=True)
class Reservation:
    """The copies of the order `number` are reserved until a time (UTC)."""

    number: str
    until: datetime


@dataclass(frozen=True)
class Checkout:
    """The checkout of one session. Every method raises the errors of Gateway."""

    db: Session
    transactions: TransactionManager
    gateway: Gateway
    catalogue: CatalogueQueries
    limits: ClientLimits
    session_id: str

    def open_order(self, sku: str, again: str | None, *, confirmed: bool) -> Payable:
        """Return the session's order for one copy of a book; the same one until it is paid.

        `again` is the number of an earlier order of the same book, to order another copy.
        `confirmed` is true if the customer pressed the confirmation page's button. Raises
        UnknownItemError, UnavailableError, ConfirmationRequired, RateLimitExceededError, and
        OrderClosedError if the order is paid or processing.
        """
        self.gateway.check()
        self._expire_lapsed_orders()
        listings = map(self.catalogue.listing, possible_skus(sku))
        listing = next(filter(None, listings), None)
        if listing is None:
            raise UnknownItemError(sku)
        key = DedupKey(self.session_id, listing.sku, self._finished_order(again))
        for _attempt in range(MAX_STALE_ORDERS):
            order = self._find_or_place(key, listing, confirmed=confirmed)
            try:
                return self._make_payable(order, listing)
            except (IntentMissingError, StoredFailureError):
                # The intent belongs to other API keys, or was never created: no customer can have
                # its client secret.
                self._retire(order)
            except OrderClosedError as closed:
                if closed.order is None or closed.order.status not in CLOSED:
                    raise
        return self._make_payable(self._find_or_place(key, listing, confirmed=confirmed), listing)

    def resume_order(self, number: str) -> Payable:
        """Return the session's own open order. Raises OrderClosedError."""
        self.gateway.check()
        order = self._lock_own_order(number)
        if order is None:
            raise OrderClosedError(None)
        listing = self.catalogue.listing(order.lines[0].sku)
        return self._make_payable(order_snapshot(order), listing)

    def reserve_order(self, number: str, revision: int | None, email: str) -> Reservation:
        """Reserve the order's copies, and store the e-mail address here and at Stripe.

        `revision` is the revision of the order that the customer has seen. Raises
        OrderClosedError, TotalChangedError, UnavailableError, RateLimitExceededError and
        OutOfStockError.
        """
        self.gateway.check()
        self.limits.count_payment()
        self._expire_lapsed_orders()
        order = self._lock_own_order(number)
        if order is None or order.payment_intent is None:
            raise OrderClosedError(None)
        if order.status != OrderStatus.AWAITING_PAYMENT:
            raise OrderClosedError(order_snapshot(order))
        if revision not in {None, order.revision}:
            raise TotalChangedError
        self._check_offer(order)
        now = clock.now()
        order.set_email(email)
        order.network = self.limits.network
        check_reservations(self.db, order, self.limits.max_reservations, now)
        until = reserve(self.db, order, now)
        record_event(TransitionContext(self.db, CHECKOUT, now), order, AuditEvent.PAY_PRESSED)
        reserved, intent_id = order_snapshot(order), order.payment_intent
        self._intents.update(reserved, intent_id, receipt_address(email))
        return Reservation(reserved.number, until)

    @property
    def _intents(self) -> OrderIntents:
        return OrderIntents(self.db, self.transactions, self.gateway)

    def _check_offer(self, order: Order) -> None:
        """Raise if the book is not for sale or has another price, each time Pay is pressed.

        A reservation is not extended then: its order is cancelled, so that the next one has the
        new price. Reserving decides later who gets the last copy.
        """
        rejection, title = find_rejection(self.db, order), order.lines[0].title
        if rejection is None:
            return
        if order.stock_reserved and order.payment_intent is not None:
            closed = self._intents.cancel(order_snapshot(order), order.payment_intent, "duplicate")
            if closed.status not in CLOSED:
                raise OrderClosedError(closed)
        if rejection is Rejection.PRICE_CHANGED:
            raise TotalChangedError
        raise UnavailableError(title)

    def _lock_own_order(self, number: str) -> Order | None:
        query = select(Order).where(Order.number == number, Order.session_id == self.session_id)
        order: Order | None = self.db.scalar(query.with_for_update())
        return order

    def _finished_order(self, again: str | None) -> str | None:
        """Return `again` if it is the number of a paid or closed order of this session."""
        order = self._lock_own_order(again) if again else None
        finished = order is not None and order.status in PAID_FOR | CLOSED
        return again if finished else None

    def _expire_lapsed_orders(self) -> None:
        # The catalogue is read on another connection, which sees only what is committed.
        if expire_lapsed(self.db, EXPIRY, clock.now()):
            commit_now(self.transactions)

    def _find_or_place(self, key: DedupKey, listing: Listing, *, confirmed: bool) -> OrderSnapshot:
        now = clock.now()
        order = placement.find_order(self.db, key, now)
        if order is not None and may_have_lost_key(order, now):
            placement.retire_order(self.db, order, now)
            self.db.flush()
            order = None
        if order is None:
            price = _purchase_price(listing)
            check_failed_attempts(self.db, self.session_id, self.limits.network, now)
            with outside_transaction(self.transactions):
                if not self.limits.count_order(confirmed=confirmed):
                    raise ConfirmationRequired(listing)
            order = placement.place_order(self.db, key, listing, price, now)
            order.network = self.limits.network
        return order_snapshot(order)

    def _make_payable(self, order: OrderSnapshot, listing: Listing | None) -> Payable:
        """Return the order with its PaymentIntent, synchronised with Stripe."""
        if order.status in CLOSED and order.payment_intent is not None:
            # It may have been paid after all, or be paid in another tab.
            order = self._intents.cancel(order, order.payment_intent, "abandoned")
        if order.status not in UNPAID:
            raise OrderClosedError(order)
        order, intent = self._intents.open(order)
        if listing is not None and order.reserved_until is None:
            order = self._reprice(order, intent, listing)
            if intent.amount != order.total:
                intent = self._intents.update(order, intent.id, None)
        return Payable(order, intent)

    def _reprice(
        self, order: OrderSnapshot, intent: PaymentIntent, listing: Listing
    ) -> OrderSnapshot:
        """Return the order at the book's current price, unless a payment may be in progress."""
        if _purchase_price(listing) == order.total:
            return order
        if order.email is not None:
            raise OrderClosedError(self._intents.cancel(order, intent.id, "duplicate"))
        repriced = self._lock_own_order(order.number)
        if repriced is None:
            raise OrderClosedError(None)
        placement.reprice_order(repriced, listing)
        return order_snapshot(repriced)

    def _retire(self, stale: OrderSnapshot) -> None:
        order = self._lock_own_order(stale.number)
        if order is None or order.payment_intent != stale.payment_intent:
            return  # another request has replaced its intent
        if order.status in UNPAID | CLOSED:
            placement.retire_order(self.db, order, clock.now())


def _purchase_price(listing: Listing) -> Money:
    """Return the current price. Raises UnavailableError, also if Stripe cannot charge it."""
    price = listing.price
    if not listing.availability.can_buy or price is None or unpayable_reason(price):
        raise UnavailableError(listing.title)
    return price
