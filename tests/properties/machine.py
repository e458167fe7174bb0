"""What may happen next, for Hypothesis to choose from."""

from __future__ import annotations

import sys
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.orders.payment.expiry import ABANDONED_AFTER
from bookshop.orders.placement import NEW_ORDER_AFTER
from tests.properties.interruptions import DIES, FAILS
from tests.properties.rig import BOOKS, Rig
from tests.properties.world import VISITORS, World

GOOD = "pm_card_visa"
DEBIT = "pm_bacsDebit_success"
METHODS = (
    GOOD,
    GOOD,
    DEBIT,
    DEBIT,
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_card_createIssuerFraudRecord",
    "pm_card_riskLevelElevated",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
)
SPANS = (
    timedelta(seconds=20),
    RESERVATION_TIME - timedelta(minutes=1),
    RESERVATION_TIME + timedelta(seconds=1),
    NEW_ORDER_AFTER + timedelta(minutes=1),
    timedelta(hours=21),  # the shop trusts no idempotency key any more; Stripe still knows it
    ABANDONED_AFTER + timedelta(minutes=1),
    timedelta(days=3),
)

SETTLING = 20  # steps, at least, between two times when all is settled

visitors = st.integers(0, VISITORS - 1)
books = st.integers(0, len(BOOKS) - 1)
places = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4])
events = st.lists(st.integers(0, 12), min_size=1, max_size=5)
methods = st.sampled_from(METHODS)
flags = st.booleans()
parts = st.sampled_from([None, 1, 300, 700])
outcomes = st.sampled_from(["succeeded", "failed"])
spans = st.sampled_from(SPANS)
skips = st.sampled_from([0, 0, 0, 1, 1, 2, 3])


def act(name: str, *arguments: st.SearchStrategy) -> st.SearchStrategy:
    """Something that the world can do, and to whom and how."""
    return st.tuples(st.just(name), st.tuples(*arguments))


opens, presses = act("open_checkout", visitors, books, flags), act("press_pay", places)
returns, buys = act("return_to_shop", places), act("buy", visitors, books, flags, methods, flags)
pays, confirms = act("pay", places, methods), act("confirm", places, methods)
wants_back, parcels = act("refund", places, parts, flags), act("ship", places)
hears, hears_all = act("deliver", events, flags), act("deliver_all")
sweeps, reconciles = act("sweep", st.just(timedelta(0)) | spans), act("reconcile")
settles, goes_back = act("settle_debit", places, outcomes), act("refund_at_stripe", places, parts)
disputes, waits = act("dispute", places, flags), act("wait", spans)
is_cancelled = act("cancel_at_stripe", places)

#: What the shop does, and so can be interrupted in.
doings = st.one_of(
    opens, presses, returns, buys, wants_back, parcels, hears, hears_all, sweeps, reconciles
)
asks = st.one_of(opens, returns, hears, hears_all, reconciles)
refund_ends = act("settle_refund", places, outcomes)
dispute_ends = act("settle_dispute", places, st.sampled_from(["won", "lost", "warning_closed"]))
#: What changes at Stripe, without the shop.
changes = st.one_of(confirms, settles, goes_back, refund_ends, disputes, dispute_ends, is_cancelled)
#: What happens meanwhile.
happenings = st.one_of(
    doings, pays, pays, confirms, settles, goes_back, disputes, waits, is_cancelled
)

if_intents = precondition(lambda machine: machine.world.known.stripe.intents)


class ShopMachine(RuleBasedStateMachine):
    """One shop, from empty tables to the end of an example."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self.world = World(rig)
        self._steps = 0

    @rule(what=st.one_of(buys, act("race", visitors, visitors, books, spans, methods)))
    def shopping(self, what):
        self._do(what)

    @rule(
        what=st.one_of(
            opens,
            presses,
            confirms,
            pays,
            returns,
            act("resume", places),
            act("authenticate", places, st.sampled_from(["authorize", "fail"])),
            act("look_at_order", places),
        )
    )
    def one_click(self, what):
        self._do(what)

    @if_intents
    @rule(
        what=st.one_of(
            settles,
            goes_back,
            disputes,
            is_cancelled,
            refund_ends,
            dispute_ends,
            act("warn_of_fraud", places),
            act("review", places),
            act("close_review", places, st.sampled_from(["approved", "refunded_as_fraud"])),
        )
    )
    def at_stripe(self, what):
        self._do(what)

    @rule(
        what=st.one_of(
            wants_back,
            parcels,
            act("add_copies", books, st.integers(1, 2)),
            act("change_price", books, st.sampled_from([999, 1000, 1500])),
        )
    )
    def staff(self, what):
        self._do(what)

    @if_intents
    @rule(what=st.one_of(hears, hears_all))
    def webhook(self, what):
        self._do(what)

    @if_intents
    @rule(what=st.one_of(waits, sweeps, reconciles, act("post")))
    def time(self, what):
        self._do(what)

    @precondition(lambda self: not self.world.out_of_order)
    @rule(
        kind=st.sampled_from(["reset", "drop_answer", "status"]),
        status=st.sampled_from([500, 503, 429]),
        method=st.sampled_from([None, "POST", "GET"]),
        times=st.integers(1, 6),
    )
    def break_stripe(self, kind, status, method, times):
        self.world.break_stripe(kind, status, method, times)

    @precondition(lambda self: self.world.out_of_order)
    @rule()
    def repair_stripe(self):
        self.world.repair_stripe()

    @if_intents
    @rule(doing=doings, moment=st.sampled_from(["request", "commit"]), after=flags, skip=skips)
    def die(self, doing, moment, after, skip):
        """The process is killed in the middle of something."""
        self._do(doing, (moment, after, skip, DIES))

    @if_intents
    @rule(doing=wants_back, after=flags, skip=skips, sweep=sweeps)
    def die_while_money_goes_back(self, doing, after, skip, sweep):
        self._do(doing, ("request", after, skip, DIES))
        self._do(sweep)

    @precondition(lambda self: self.world.known.mails)
    @rule(after=flags, skip=skips)
    def die_posting(self, after, skip):
        self._do(("post", ()), ("mail", after, skip, DIES))

    @if_intents
    @rule(doing=doings, after=flags, skip=skips)
    def fail(self, doing, after, skip):
        """The database fails once: before it has committed, or before it could say so."""
        self._do(doing, ("commit", after, skip, FAILS))

    @if_intents
    @rule(
        doing=doings,
        after=flags,
        skip=skips,
        meanwhile=st.lists(happenings, min_size=1, max_size=2),
    )
    def interleave_while_stripe_is_asked(self, doing, after, skip, meanwhile):
        """Something else happens in the middle of something."""
        self._do(doing, ("request", after, skip, meanwhile))

    @if_intents
    @rule(
        doing=asks,
        skip=skips,
        meanwhile=st.one_of(st.tuples(pays), st.tuples(changes, st.one_of(hears_all, returns))),
    )
    def hear_the_news_late(self, doing, skip, meanwhile):
        """Stripe has answered; before that is written down, others write down what is newer."""
        self._do(doing, ("request", True, skip, meanwhile))

    @rule(visitor=visitors, book=books, method=st.sampled_from([GOOD, DEBIT]), skip=skips)
    def pay_in_two_tabs(self, visitor, book, method, skip):
        """The one is paid while the other is looked at, whose answer comes late."""
        self._do(("open_checkout", (visitor, book)))
        self._do(("return_to_shop", (0,)), ("request", True, skip, [("pay", (0, method))]))

    @if_intents
    @rule(doing=doings, after=flags, skip=skips, meanwhile=doings)
    def interleave_at_a_commit(self, doing, after, skip, meanwhile):
        """Before it, the other thing finds rows locked, where the database has such locks."""
        self._do(doing, ("commit", after, skip, [meanwhile]))

    @precondition(lambda self: self._steps > SETTLING)
    @rule()
    def settle_down(self):
        self._steps = 0
        self.world.settle_down()

    @invariant()
    def all_is_well(self):
        self._steps += 1
        self.world.check()

    def teardown(self):
        if sys.exc_info()[0] is None:
            self.world.settle_down()

    def _do(self, what, interruption=None):
        if interruption is not None:
            self.world.interrupt(*interruption)
        self.world.do(what)
