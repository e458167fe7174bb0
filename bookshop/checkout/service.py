"""From wanting a book to an order that can be paid.

Each step is a short transaction of its own; between them, while Stripe is asked, none is open.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.request import Request
from sqlalchemy import select

from bookshop import clock
from bookshop.catalogue.resources import canonical_sku
from bookshop.catalogue.shelf import Listing
from bookshop.db import unheld
from bookshop.money import Money
from bookshop.orders import placing
from bookshop.orders.holds import hold
from bookshop.orders.models import Order, OrderStatus
from bookshop.orders.paying import intent_for
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


class Checkout:
    """Checking out, for the visitor who makes one request."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._gateway: Gateway = request.registry.payments
        self._visitor: str = request.visitor

    def buy(self, sku: str, again: str | None) -> Payable:
        """The visitor's order for one copy, ready to be paid; always the same one until it is.

        `again` is the number of an earlier order of the same book, for one more copy. Raises
        NotForSaleError, CannotBuyError, OrderClosedError where it is paid or on its way, and
        the errors of Gateway.
        """
        listing = self._request.shelf.listing(canonical_sku(sku))
        if listing is None:
            raise NotForSaleError(sku)
        basis = placing.basis_of(self._visitor, listing.sku, again)
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

    def press_pay(self, number: str, revision: int | None, email: str) -> OrderSnapshot:
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
        hold(self._request.db, order, clock.now())
        held, intent_id = snapshot(order), order.payment_intent
        with unheld(self._request):
            intent = self._with_receipt(intent_id, held.total, email)
        if not intent.open:
            settle(self._request.db, intent, clock.now())
            raise OrderClosedError(held)
        return held

    def _with_receipt(self, intent_id: str, total: Money, email: str) -> PaymentIntent:
        try:
            return self._gateway.change_intent(intent_id, total, receipt_email=email)
        except IntentStateError:
            return self._gateway.retrieve_intent(intent_id)

    def _own(self, number: str) -> Order | None:
        found: Order | None = self._request.db.scalar(
            select(Order)
            .where(Order.number == number, Order.visitor == self._visitor)
            .with_for_update()
        )
        return found

    def _order(self, basis: str, listing: Listing) -> OrderSnapshot:
        """The order of that basis, at today's price; placed if there is none."""
        session, now = self._request.db, clock.now()
        order = placing.find(session, basis, now)
        if order is None:
            _check_buyable(listing)
            order = placing.place(session, self._visitor, basis, listing, now)
        elif order.status == OrderStatus.AWAITING_PAYMENT:
            placing.reprice(order, listing)
        return snapshot(order)

    def _payable(self, order: OrderSnapshot, listing: Listing | None) -> Payable:
        """The order with its PaymentIntent, once Stripe has said where that stands."""
        if order.status != OrderStatus.AWAITING_PAYMENT:
            raise OrderClosedError(order)
        with unheld(self._request):
            intent = intent_for(self._gateway, order, clock.now())
        settled = settle(self._request.db, intent, clock.now())
        if settled is None:
            message = f"intent {intent.id} contradicts order {order.number}"
            raise StripeRefusedError(message)
        order = snapshot(settled)
        if not intent.open:
            raise OrderClosedError(order)
        if listing is not None and not settled.holding:
            _check_buyable(listing)
        return Payable(order, intent)

    def _retire(self, basis: str) -> None:
        order = placing.find(self._request.db, basis, clock.now())
        if order is not None:
            placing.retire(self._request.db, order)


def _check_buyable(listing: Listing) -> None:
    """Raise CannotBuyError unless the book is here, and costs what Stripe can take."""
    price = listing.price
    if not listing.availability.can_buy or price is None or price.amount > MAX_AMOUNT:
        raise CannotBuyError(listing)
