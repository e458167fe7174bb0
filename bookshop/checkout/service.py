"""From wanting a book to an order that can be paid.

Each step is a short transaction of its own; between them, while Stripe is asked, none is open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyramid.request import Request
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue.resources import canonical_sku
from bookshop.catalogue.shelf import Listing
from bookshop.db import unheld, write_down
from bookshop.money import Money
from bookshop.orders import placing
from bookshop.orders.holds import hold, release_lapsed
from bookshop.orders.models import Order, OrderStatus
from bookshop.orders.paying import intent_for
from bookshop.orders.placing import Basis
from bookshop.orders.settle import settle
from bookshop.orders.snapshot import OrderSnapshot, snapshot
from bookshop.payments.errors import IntentMissingError, IntentStateError, StripeRefusedError
from bookshop.payments.gateway import MAX_AMOUNT, Gateway
from bookshop.payments.intents import PaymentIntent

MOST_STALE = 2  # orders of one basis that may turn out to be cancelled at Stripe


class NotForSaleError(Exception):
    """No book of the shop has that SKU."""


class CannotBuyError(Exception):
    """The book is there, and cannot be bought now."""

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
        self._gateway: Gateway = request.registry.payments

    def buy(self, sku: str, again: str | None) -> Payable:
        """The visitor's order for one copy, ready to be paid; always the same one until it is.

        `again` is the number of an earlier order of the same book, for one more copy. Raises
        NotForSaleError, CannotBuyError, OrderClosedError where it is paid or on its way, and
        the errors of Gateway.
        """
        listing = self._request.shelf.listing(canonical_sku(sku))
        if listing is None:
            raise NotForSaleError(sku)
        basis = Basis(self._request.visitor, listing.sku, again)
        for _stale in range(MOST_STALE):
            try:
                return self._payable(self._order(basis, listing), listing)
            except IntentMissingError:
                # It was made with other keys, or in the other mode. Nobody has paid with it.
                self._retire(basis)
            except OrderClosedError as closed:
                if closed.order is None or closed.order.status != OrderStatus.CANCELLED:
                    raise
        return self._payable(self._order(basis, listing), listing)

    def resume(self, number: str) -> Payable:
        """The visitor's own open order of that number. Raises OrderClosedError."""
        order = self._own(number)
        if order is None:
            raise OrderClosedError(None)
        listing = self._request.shelf.listing(order.lines[0].sku)
        return self._payable(snapshot(order), listing)

    def press_pay(self, number: str, revision: int | None, email: str) -> Held:
        """Hold the order's copies, and give the order and its PaymentIntent the e-mail address.

        `revision` is of the order as the visitor has seen it. Raises OrderClosedError,
        TotalChangedError, holds.SoldOutError, and the errors of Gateway.
        """
        order = self._own(number)
        if order is None or order.payment_intent is None:
            raise OrderClosedError(None)
        if order.status != OrderStatus.AWAITING_PAYMENT:
            raise OrderClosedError(snapshot(order))
        if revision not in {None, order.revision}:
            raise TotalChangedError
        order.email = email
        until = hold(self._request.db, order, clock.now())
        held, intent_id = snapshot(order), order.payment_intent
        with unheld(self._request):
            intent = self._with_receipt(intent_id, held.total, email)
        if not intent.open:
            raise OrderClosedError(self._settled(intent))
        return Held(held.number, until)

    def _with_receipt(self, intent_id: str, total: Money, email: str) -> PaymentIntent:
        try:
            return self._gateway.change_intent(intent_id, total, receipt_email=email)
        except IntentStateError:
            return self._gateway.retrieve_intent(intent_id)

    def _own(self, number: str) -> Order | None:
        found: Order | None = self._request.db.scalar(
            select(Order)
            .where(Order.number == number, Order.visitor == self._request.visitor)
            .with_for_update()
        )
        return found

    def _order(self, basis: Basis, listing: Listing) -> OrderSnapshot:
        """The order of that basis, at today's price; placed if there is none."""
        session, now = self._request.db, clock.now()
        order = placing.find(session, basis, now)
        if order is None:
            price = _sale_price(listing)
            order = placing.place(session, basis, listing, price, now)
        elif order.status == OrderStatus.AWAITING_PAYMENT:
            release_lapsed(session, order, now)
            placing.reprice(order, listing)
        return snapshot(order)

    def _payable(self, order: OrderSnapshot, listing: Listing | None) -> Payable:
        """The order with its PaymentIntent, once Stripe has said where that stands."""
        if order.status != OrderStatus.AWAITING_PAYMENT:
            raise OrderClosedError(order)
        with unheld(self._request):
            intent = intent_for(self._gateway, order, clock.now())
        order = self._settled(intent)
        if not intent.open:
            raise OrderClosedError(order)
        if listing is not None and order.held_until is None:
            _sale_price(listing)
        return Payable(order, intent)

    def _settled(self, intent: PaymentIntent) -> OrderSnapshot:
        """The order as Stripe's word has left it, written down whatever the page will say."""
        order = settle(self._request.db, intent, clock.now())
        if order is None:
            message = f"intent {intent.id} contradicts its order"
            raise StripeRefusedError(message)
        settled = snapshot(order)
        write_down(self._request)
        return settled

    def _retire(self, basis: Basis) -> None:
        order = placing.find(self._request.db, basis, clock.now())
        if order is not None:
            placing.retire(self._request.db, order)


def _sale_price(listing: Listing) -> Money:
    """What the book is sold for now. Raises CannotBuyError, also where Stripe cannot take it."""
    price = listing.price
    if not listing.availability.can_buy or price is None or price.amount > MAX_AMOUNT:
        raise CannotBuyError(listing)
    return price
