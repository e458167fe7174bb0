"""Customers, banks, staff, Stripe's events and time, each doing one thing to one shop."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import sessionmaker

from bookshop import clock
from bookshop.catalogue.models import BookRecord
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.fulfilment.shipments import CannotShipError, ShipmentRequest, ship
from bookshop.orders.payment.expiry import ABANDONED_AFTER
from bookshop.orders.queries import lock_order
from bookshop.orders.refunds.requests import CannotRefundError
from bookshop.orders.refunds.service import RefundRequest, refund_order
from bookshop.orders.states import PAID_FOR, Actor
from bookshop.reconciliation.findings import FindingCode, Report, Resolution
from bookshop.reconciliation.run import Databases
from bookshop.reconciliation.service import reconcile
from tests.properties.facts import Facts, Row, gather, stripe
from tests.properties.interruptions import Interruption, Killed
from tests.properties.invariants import ALWAYS, OPEN_INTENTS, SETTLED, check
from tests.properties.rig import BOOKS, STOCKS, Rig
from tests.shops import WEBHOOK_SECRET, intent_of, pay_form

VISITORS = 3
STAFF = Cause(Actor.STAFF, "bookshop by ada")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
#: Statuses a page may have when only another customer was faster.
HONEST = {200, 303, 404, 409}
#: What no program can repair: a refund that the customer's bank, or Stripe, has not taken.
FOR_A_PERSON = {FindingCode.REFUND_FAILED}
LATE = 8  # events that come when all is said already
ROUNDS = 12  # of waiting for mail that is tried again later


#: The name of a method, and its arguments.
Action = tuple[str, tuple]


@dataclass
class Tab:
    """A checkout page in a browser; `pressed`: the shop has accepted Pay.

    `total` is what the page says is to be paid, in minor units.
    """

    visitor: int
    intent: str
    form: dict[str, str]
    total: int
    pressed: bool = False


class World:
    """What has happened in one example. Things are named by their places, the newest is 0."""

    def __init__(self, rig: Rig) -> None:
        rig.reset()
        self.rig = rig
        self.visitors = [rig.shop.visitor() for _ in range(VISITORS)]
        self.tabs: list[Tab] = []
        self.copies = dict(zip(BOOKS, STOCKS, strict=True))
        self.once_more: set[str] = set()
        self.out_of_order = False
        self._inside = False
        self.known = self.facts()

    # --- what a step is

    def do(self, *actions: Action) -> None:
        """Run these steps; the process may crash during them and restart."""
        try:
            self._do(actions)
        except Killed:
            pass
        finally:
            killed = self.rig.interruptions.dead
            self.rig.interruptions.forget()
            self._inside = False
        if killed:
            self.rig.restart()

    def _do(self, actions: Iterable[Action]) -> None:
        for name, arguments in actions:
            getattr(self, name)(*arguments)

    @property
    def troubled(self) -> bool:
        """Whether the shop may have to say that something does not work at present."""
        return self.out_of_order or self._inside

    def interrupt(self, moment: str, after: bool, skip: int, what) -> None:
        """Plan what comes between: DIES, FAILS, or actions."""
        if not isinstance(what, str):
            if moment == "commit" and not after:
                # On SQLite one transaction keeps all others out.
                after = not self.rig.overlapping
            what = partial(self._do, what)
        self._inside = True
        self.rig.interruptions.plan(Interruption(moment, after, skip, what))

    def facts(self) -> Facts:
        return gather(self.rig, self.copies, self.once_more)

    def check(self) -> None:
        self.known = self.facts()
        check(self.known, ALWAYS)

    # --- customers

    def open_checkout(self, visitor: int, book: int, again: bool = False) -> Tab | None:
        """Someone wants a book: for the first time, in another tab, or once more."""
        query = f"?item={BOOKS[book]}"
        earlier = self._orders_of(visitor, BOOKS[book])
        if again and earlier:
            query += f"&again={earlier[-1]['number']}"
        tab = self._tab(visitor, query)
        if tab is not None and again and earlier and tab.form["order"] != earlier[-1]["number"]:
            self.once_more.add(tab.form["order"])
        return tab

    def resume(self, place: int) -> None:
        """A customer follows the link to try again."""
        tab = pick(self.tabs, place)
        if tab is not None:
            self._tab(tab.visitor, f"?order={tab.form['order']}")

    def press_pay(self, place: int) -> None:
        tab = pick(self.tabs, place)
        if tab is not None:
            self._press(tab)

    def confirm(self, place: int, method: str) -> None:
        """The browser pays, whether or not Pay was pressed, at once or hours later."""
        intents = self.stripe.by_intent
        payable = [tab for tab in self.tabs if intents[tab.intent]["status"] in OPEN_INTENTS]
        tab = pick(payable, place)
        if tab is not None:
            self._confirm(tab, method)

    def pay(self, place: int, method: str) -> None:
        """In an open tab: Pay is pressed, Stripe confirms, the shop shows what came of it."""
        tab = pick(self.tabs, place)
        if tab is not None and self._press(tab):
            self._confirm(tab, method)
            self._get(tab.visitor, f"/success?pi={tab.intent}")

    def authenticate(self, place: int, outcome: str) -> None:
        """The customer answers the bank's question."""
        asked = [each for each in self.stripe.intents if each["status"] == "requires_action"]
        if intent := pick(asked, place):
            path = f"/v1/payment_intents/{intent['id']}/challenge"
            self._at_stripe(self.rig.controls.api, "POST", path, {"outcome": outcome})

    def return_to_shop(self, place: int) -> None:
        tab = pick(self.tabs, place)
        if tab is not None:
            self._get(tab.visitor, f"/success?pi={tab.intent}")

    def buy(self, visitor: int, book: int, again: bool, method: str, returns: bool) -> None:
        """A whole purchase without interruption."""
        tab = self.open_checkout(visitor, book, again)
        if tab is None or not self._press(tab):
            return
        self._confirm(tab, method)
        if returns:
            self._get(visitor, f"/success?pi={tab.intent}")

    def race(self, first: int, second: int, book: int, span: timedelta, method: str) -> None:
        """A customer presses Pay and waits; another buys the book meanwhile."""
        tab = self.open_checkout(first, book)
        pressed = tab is not None and self._press(tab)
        self.wait(span)
        self.buy(second, book, False, "pm_card_visa", True)
        if pressed:
            self._confirm(tab, method)

    def look_at_order(self, place: int) -> None:
        tab = pick(self.tabs, place)
        if tab is not None:
            self._get(tab.visitor, f"/orders/{tab.form['order']}")

    # --- staff

    def change_price(self, book: int, price: int) -> None:
        with self.rig.registry.services.engine.begin() as connection:
            self.rig.set_price(connection, BOOKS[book], price)

    def add_copies(self, book: int, copies: int) -> None:
        if self.copies[BOOKS[book]] is None:
            return
        with self.rig.registry.services.sessions.begin() as session:
            wanted = update(BookRecord).where(BookRecord.sku == BOOKS[book])
            session.execute(wanted.values(stock=BookRecord.stock + copies))
            self.copies[BOOKS[book]] += copies

    def refund(self, place: int, part: int | None, restock: bool) -> None:
        """`bookshop refund`: a part in minor units, or all."""
        order = pick(self._paid_orders(), place)
        if order is None:
            return
        amount = None if part is None else (lambda currency: Money(part, currency))
        sessions, gateway = self.rig.registry.services.sessions, self.rig.registry.services.payments
        with self._database_trouble(), suppress(CannotRefundError):
            refund_order(
                sessions, gateway, RefundRequest(order["number"], amount, restock=restock), STAFF
            )

    def ship(self, place: int) -> None:
        order = pick(self._paid_orders(), place)
        if order is None:
            return
        with self._database_trouble(), self.rig.registry.services.sessions.begin() as session:
            found = lock_order(session, order["number"])
            with suppress(CannotShipError):
                ship(TransitionContext(session, STAFF, clock.now()), found, ShipmentRequest({}))

    # --- banks, and people at Stripe's dashboard

    def settle_debit(self, place: int, outcome: str) -> None:
        waiting = [each for each in self.stripe.intents if each["status"] == "processing"]
        if intent := pick(waiting, place):
            self.rig.controls.settle(intent["id"], outcome)

    def cancel_at_stripe(self, place: int) -> None:
        if intent := pick(self.stripe.intents, place):
            self._at_stripe(
                self.rig.controls.api, "POST", f"/v1/payment_intents/{intent['id']}/cancel"
            )

    def refund_at_stripe(self, place: int, amount: int | None) -> None:
        self._to_charge(place, "refund", amount=amount)

    def settle_refund(self, place: int, outcome: str) -> None:
        """Pending ones succeed or fail; those that have succeeded may bounce."""
        if refund := pick(self.stripe.refunds, place):
            self.rig.controls.settle_refund(refund["id"], outcome)

    def dispute(self, place: int, inquiry: bool) -> None:
        if inquiry:
            self._to_charge(place, "dispute", reason="general", inquiry="true")
        else:
            self._to_charge(place, "dispute", reason="fraudulent")

    def settle_dispute(self, place: int, outcome: str) -> None:
        if dispute := pick(self.stripe.disputes, place):
            self.rig.controls.settle_dispute(dispute["id"], outcome)

    def warn_of_fraud(self, place: int) -> None:
        self._to_charge(place, "warn")

    def review(self, place: int) -> None:
        self._to_charge(place, "review")

    def close_review(self, place: int, outcome: str) -> None:
        if review := pick(self.stripe.reviews, place):
            self.rig.controls.close_review(review["id"], outcome)

    # --- events, time, trouble

    def deliver(self, places: list[int], stale: bool) -> None:
        """Events go to the shop: late, again, in any order; `stale` with an older object inside."""
        events = list(self.rig.store.select("event"))[::-1]
        for place in places:
            if event := pick(events, place):
                self._deliver(_aged(events, event) if stale else event)

    def deliver_all(self) -> None:
        """All that has not been heard of yet, in the order in which it happened."""
        for event in list(self.rig.store.select("event"))[::-1]:
            self._deliver(event)

    def wait(self, span: timedelta) -> None:
        self.rig.clock.pass_by(span)

    def sweep(self, after: timedelta) -> None:
        self.wait(after)
        self.rig.registry.job_worker.run_all()

    def reconcile(self) -> None:
        """Stripe is asked about everything; where all went well, asking again finds nothing."""
        quiet = not self.troubled
        with self._database_trouble():
            first = self._reconcile()
            assert first.unfinished is None or self.troubled, first
            if quiet:
                self._reconcile_again()

    def post(self) -> None:
        """The mail worker delivers what is due."""
        with self._database_trouble():
            self.rig.mail_worker().deliver_due()

    def break_stripe(self, kind: str, status: int, method: str | None, times: int) -> None:
        """Requests are lost, answers are lost, or Stripe answers that something is wrong."""
        self.out_of_order = True
        fault = {"kind": kind, "status": status, "times": times}
        if kind != "status":
            del fault["status"]
        if method is not None:
            fault["method"] = method
        self.rig.controls.fault(**fault)

    def repair_stripe(self) -> None:
        self.out_of_order = False
        self.rig.controls.clear()

    def settle_down(self) -> None:
        """Nothing more happens, and time passes: then all must agree."""
        self.rig.interruptions.forget()
        self._inside = False
        self.repair_stripe()
        self.sweep(timedelta(0))
        self.reconcile()
        self.wait(max(RESERVATION_TIME, ABANDONED_AFTER) + timedelta(hours=1))
        self.reconcile()
        for _ in range(ROUNDS):
            self.rig.mail_worker().deliver_due()
            if not any(mail["status"] == "waiting" for mail in self.facts().mails):
                break
            self.wait(timedelta(hours=13))
        facts = self.facts()
        check(facts, ALWAYS)
        check(facts, SETTLED)
        self.deliver(list(range(LATE)), stale=True)
        assert _lasting(self.facts()) == _lasting(facts), (
            "an event about old news changed something"
        )

    # --- how it is done

    @property
    def stripe(self):
        return stripe(self.rig)

    def _tab(self, visitor: int, query: str) -> Tab | None:
        page = self._get(visitor, f"/checkout{query}")
        if page is None or page.status_int != 200 or "payment-form" not in page.forms:
            return None
        form = pay_form(page)
        tab = Tab(visitor, intent_of(page), form, self.facts().by_number[form["order"]]["total"])
        self.tabs.append(tab)
        return tab

    def _press(self, tab: Tab) -> bool:
        form = {**tab.form, "email": f"{tab.form['order']}@reader.example"}
        answer = self._ask(tab.visitor, "POST", "/checkout", form)
        pressed = answer is not None and answer.status_int == 200
        tab.pressed = tab.pressed or pressed
        return pressed

    def _confirm(self, tab: Tab, method: str) -> None:
        charged = self.stripe.by_intent[tab.intent]["amount"]
        number = tab.form["order"]
        assert charged == tab.total, f"order {number}: {charged} to pay, the page said {tab.total}"
        self._at_stripe(self.rig.controls.confirm, tab.intent, method)

    def _get(self, visitor: int, path: str):
        page = self._ask(visitor, "GET", path)
        for _hop in range(3):
            if page is None or page.status_int != 303:
                return page
            page = self._ask(visitor, "GET", page.headers["Location"])
        raise AssertionError(f"{path} leads in circles")

    def _ask(self, visitor: int, method: str, path: str, form: dict | None = None):
        """A page of the shop; None where its server had no answer."""
        app = self.visitors[visitor]
        page = app.post(path, form, status="*") if form else app.get(path, status="*")
        trouble = {500, 503} if self.troubled else set()
        assert page.status_int in HONEST | trouble, f"{method} {path}: {page.status}\n{page.text}"
        return page if page.status_int in HONEST else None

    def _at_stripe(self, ask, *arguments) -> None:
        """What a browser or a dashboard asks of Stripe, which may not be heard, or not answer."""
        try:
            ask(*arguments)
        except OSError:
            assert self.troubled

    def _to_charge(self, place: int, what: str, **values: object) -> None:
        paid = [each for each in self.stripe.charges if each["status"] == "succeeded"]
        if charge := pick(paid, place):
            self.rig.controls._on_charge(charge["id"], what, **values)

    def _deliver(self, event: Row) -> None:
        payload = json.dumps(event).encode()
        at = int(time.time())
        digest = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + payload, hashlib.sha256)
        answer = self.rig.shop.visitor().post(
            "/webhooks/stripe",
            payload,
            headers={"Stripe-Signature": f"t={at},v1={digest.hexdigest()}"},
            content_type="application/json",
            status="*",
        )
        trouble = {500, 503} if self.troubled else set()
        assert answer.status_int in {200} | trouble, f"{event['type']}: {answer.status}"

    def _paid_orders(self) -> list[Row]:
        return [order for order in self.facts().orders if order["status"] in PAID_FOR]

    def _orders_of(self, visitor: int, sku: str) -> list[Row]:
        facts = self.facts()
        mine = {tab.form["order"] for tab in self.tabs if tab.visitor == visitor}
        return [
            order
            for order in facts.orders
            if order["number"] in mine and facts.lines[order["id"]][0]["sku"] == sku
        ]

    def _reconcile(self) -> Report:
        """`bookshop reconcile`, of all that ever was."""
        registry = self.rig.registry
        databases = Databases(sessionmaker(registry.services.engine), registry.services.sessions)
        return reconcile(
            databases, registry.services.payments, EPOCH, lambda _: None, dry_run=False
        )

    def _reconcile_again(self) -> None:
        before = self.facts()
        again = self._reconcile()
        assert (again.unfinished, again.expired) == (None, 0), again
        assert all(each.resolution is Resolution.UNRESOLVED for each in again.findings), again
        assert {each.code for each in again.findings} <= FOR_A_PERSON, again
        assert _lasting(self.facts()) == _lasting(before), "the second reconcile changed something"

    @contextmanager
    def _database_trouble(self):
        """A command at the terminal, or a thread, gives up where the database fails."""
        try:
            yield
        except SQLAlchemyError:
            assert self._inside


def pick(things: list, place: int):
    """The `place`-th newest of them, going round; None where there is none."""
    return things[-1 - place % len(things)] if things else None


def _aged(events: list[Row], event: Row) -> Row:
    """The event with what its object looked like when it was first sent, under a new id."""
    thing = event["data"]["object"]["id"]
    oldest = next(each for each in events if each["data"]["object"]["id"] == thing)
    return {**event, "id": f"{event['id']}_aged", "data": oldest["data"]}


def _lasting(facts: Facts) -> tuple:
    """All that a look at Stripe must not change when there is nothing to learn."""
    # Some responses of Stripe have no charge, so that an attempt may be learned of late.
    late = {"checked_at": None, "email_attempted": None}
    orders = [{**order, **late} for order in facts.orders]
    return orders, facts.books, facts.refunds, facts.disputes, facts.mails, facts.entries
