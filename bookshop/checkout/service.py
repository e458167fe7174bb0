"""From wanting a book to an order that can be paid.

Each step is a short transaction of its own; between them, while Stripe is asked, none is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pyramid.request import Request
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue.pages.resources import canonical_sku
from bookshop.catalogue.pricing import Code
from bookshop.catalogue.queries import Listing
from bookshop.checkout.payment_sync import PaymentMismatchError, synced_order
from bookshop.db import commit_now, outside_transaction
from bookshop.inventory.reservations import reserve
from bookshop.money import Money
from bookshop.orders import placement
from bookshop.orders.audit import Cause, TransitionContext, record_event
from bookshop.orders.models import Order
from bookshop.orders.payment.expiry import expire_lapsed
from bookshop.orders.payment.intents import KEY_LIFE, cancel_intent, intent_for
from bookshop.orders.placement import CHECKOUT, DedupKey
from bookshop.orders.snapshot import OrderSnapshot, snapshot
from bookshop.orders.states import CLOSED, PAID_FOR, UNPAID, Actor, OrderStatus
from bookshop.payments.errors import (
    IntentMissingError,
    IntentStateError,
    StoredFailureError,
)
from bookshop.payments.gateway import MAX_AMOUNT, Gateway
from bookshop.payments.intents import PaymentIntent
from bookshop.rate_limits.limiter import RateLimiter
from bookshop.services import services

# Also what is sold out: holding decides who has the last copy.
FOR_SALE = {Code.AVAILABLE, Code.FEW, Code.PREORDER, Code.SOLD_OUT}
PRESSED = "pay_pressed"  # what an order's history calls it
LAPSED = Cause(Actor.CLOCK, "checkout")
MOST_STALE = 2  # orders of one basis that may turn out to be cancelled at Stripe


class NotForSaleError(Exception):
    """No book of the shop has that SKU."""


class CannotBuyError(Exception):
    """The book is there, and cannot be bought now."""

    def __init__(self, listing: Listing) -> None:
        super().__init__(listing.sku)
        self.listing = listing


class ConfirmationRequired(Exception):
    """A visitor or network has come to the checkout often, without pressing a button of ours."""

    def __init__(self, listing: Listing) -> None:
        super().__init__(listing.sku)
        self.listing = listing


class OrderClosedError(Exception):
    """The order cannot be paid any more; `order` is None where the visitor has no such order."""

    def __init__(self, order: OrderSnapshot | None) -> None:
        super().__init__(order and order.number)
        self.order = order


class TotalChangedError(Exception):
    """The order's total is not the one that the visitor has seen."""


@dataclass(frozen=True)
class Payable:
    """An order, and the PaymentIntent that pays it."""

    order: OrderSnapshot
    intent: PaymentIntent


@dataclass(frozen=True)
class Held:
    """The copies of an order are kept until then."""

    number: str
    until: datetime


class Checkout:
    """Checking out, for the visitor who makes one request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._gateway: Gateway = services(request).payments
        self._limiter: RateLimiter = services(request).rate_limiter

    def buy(self, sku: str, again: str | None, *, asked: bool) -> Payable:
        """The visitor's order for one copy, ready to be paid; always the same one until it is.

        `again` is the number of an earlier order of the same book, for one more copy; `asked` is
        whether a form of ours asked for it. Raises NotForSaleError, CannotBuyError,
        ConfirmationRequired, RateLimitExceededError, OrderClosedError where it is paid or on its way, and the errors of Gateway.
        """
        self._gateway.check()
        self._free_lapsed()
        listing = services(self._request).catalogue.listing(canonical_sku(sku))
        if listing is None:
            raise NotForSaleError(sku)
        basis = DedupKey(self._request.visitor, listing.sku, self._earlier(again))
        for _stale in range(MOST_STALE):
            order = self._order(basis, listing, asked=asked)
            try:
                return self._payable(order, listing)
            except (IntentMissingError, StoredFailureError):
                # Made with other keys, or never made: its client secret was shown to nobody.
                self._retire(order)
            except OrderClosedError as closed:
                if closed.order is None or closed.order.status not in CLOSED:
                    raise
        return self._payable(self._order(basis, listing, asked=asked), listing)

    def resume(self, number: str) -> Payable:
        """The visitor's own open order of that number. Raises OrderClosedError and as Gateway."""
        self._gateway.check()
        order = self._own(number)
        if order is None:
            raise OrderClosedError(None)
        listing = services(self._request).catalogue.listing(order.lines[0].sku)
        return self._payable(snapshot(order), listing)

    def press_pay(self, number: str, revision: int | None, email: str) -> Held:
        """Hold the order's copies, and give the order and its PaymentIntent the e-mail address.

        `revision` is of the order as the visitor has seen it. Raises OrderClosedError,
        TotalChangedError, CannotBuyError, RateLimitExceededError, holds.OutOfStockError, and the errors of
        Gateway.
        """
        self._gateway.check()
        self._limiter.count_with_pauses("payments", self._request)
        self._free_lapsed()
        order = self._own(number)
        if order is None or order.payment_intent is None:
            raise OrderClosedError(None)
        if order.status != OrderStatus.AWAITING_PAYMENT:
            raise OrderClosedError(snapshot(order))
        if revision not in {None, order.revision}:
            raise TotalChangedError
        if not order.holding:
            self._check_current(order)
        now = clock.now()
        order.email = email
        until = reserve(self._request.db, order, now)
        record_event(TransitionContext(self._request.db, CHECKOUT, now), order, PRESSED)
        held, intent_id = snapshot(order), order.payment_intent
        with outside_transaction(self._request):
            intent = self._with_receipt(intent_id, held.total, email)
        if not intent.open:
            raise OrderClosedError(self._settled(held, intent))
        return Held(held.number, until)

    def _with_receipt(self, intent_id: str, total: Money, email: str) -> PaymentIntent:
        try:
            return self._gateway.update_intent(intent_id, total, receipt_email=email)
        except IntentStateError:
            return self._gateway.retrieve_intent(intent_id)

    def _check_current(self, order: Order) -> None:
        """Refuse to sell what has left the shop, or costs something else by now."""
        listing = services(self._request).catalogue.listing(order.lines[0].sku)
        if listing is None or listing.price != order.money:
            raise TotalChangedError
        if listing.availability.code not in FOR_SALE:
            raise CannotBuyError(listing)

    def _own(self, number: str) -> Order | None:
        found: Order | None = self._request.db.scalar(
            select(Order)
            .where(Order.number == number, Order.visitor == self._request.visitor)
            .with_for_update()
        )
        return found

    def _earlier(self, again: str | None) -> str | None:
        """The number of the visitor's own order that `again` names, if that is over."""
        order = self._own(again) if again else None
        over = order is not None and order.status in PAID_FOR | CLOSED
        return again if over else None

    def _free_lapsed(self) -> None:
        # The shelf reads what is committed.
        if expire_lapsed(self._request.db, LAPSED, clock.now()):
            commit_now(self._request)

    def _order(self, basis: DedupKey, listing: Listing, *, asked: bool) -> OrderSnapshot:
        """The order of that basis, placed if there is none."""
        session, now = self._request.db, clock.now()
        order = placement.find_order(session, basis, now)
        if order is not None and order.payment_intent is None and order.placed_at < now - KEY_LIFE:
            placement.retire_order(session, order, now)
            session.flush()
            order = None
        if order is None:
            price = _sale_price(listing)
            self._count(listing, asked=asked)
            order = placement.place_order(session, basis, listing, price, now)
        return snapshot(order)

    def _count(self, listing: Listing, *, asked: bool) -> None:
        """See that nobody makes orders, and PaymentIntents, by the hundred."""
        with outside_transaction(self._request):
            self._limiter.count("checkouts", self._request)
            if not asked and not self._limiter.within("newcomers", self._request):
                raise ConfirmationRequired(listing)

    def _payable(self, order: OrderSnapshot, listing: Listing | None) -> Payable:
        """The order with its PaymentIntent, once Stripe has said where that stands."""
        if order.status in CLOSED and order.payment_intent is not None:
            # It may have been paid after all, or be paid in another tab.
            order = self._closed(order, order.payment_intent, "abandoned")
        if order.status not in UNPAID:
            raise OrderClosedError(order)
        with outside_transaction(self._request):
            intent = intent_for(self._gateway, order)
        order = self._settled(order, intent)
        if not intent.open:
            raise OrderClosedError(order)
        if listing is not None and order.held_until is None:
            order = self._at_todays_price(order, intent, listing)
        return Payable(order, intent)

    def _at_todays_price(
        self, order: OrderSnapshot, intent: PaymentIntent, listing: Listing
    ) -> OrderSnapshot:
        """The order at what its book costs now, unless somebody may be paying the old total."""
        if _sale_price(listing) == order.total:
            return order
        if order.email is not None:
            raise OrderClosedError(self._closed(order, intent.id, "duplicate"))
        repriced = self._own(order.number)
        if repriced is None:
            raise OrderClosedError(None)
        placement.reprice_order(repriced, listing)
        return snapshot(repriced)

    def _closed(
        self, order: OrderSnapshot, intent_id: str, reason: Literal["abandoned", "duplicate"]
    ) -> OrderSnapshot:
        """The order, closed for good unless it has just been paid."""
        with outside_transaction(self._request):
            intent = cancel_intent(self._gateway, intent_id, reason)
        return self._settled(order, intent)

    def _settled(self, order: OrderSnapshot, intent: PaymentIntent) -> OrderSnapshot:
        try:
            return synced_order(self._request, intent, "checkout")
        except PaymentMismatchError:
            raise OrderClosedError(order) from None

    def _retire(self, stale: OrderSnapshot) -> None:
        order = self._own(stale.number)
        if order is None or order.payment_intent != stale.payment_intent:
            return  # somebody else has seen to it
        if order.status in UNPAID | CLOSED:
            placement.retire_order(self._request.db, order, clock.now())


def _sale_price(listing: Listing) -> Money:
    """What the book is sold for now. Raises CannotBuyError, also where Stripe cannot take it."""
    price = listing.price
    if not listing.availability.can_buy or price is None or price.amount > MAX_AMOUNT:
        raise CannotBuyError(listing)
    return price
