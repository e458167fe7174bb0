"""The gate to Stripe: who may take how many places at once."""

from contextlib import ExitStack

import pytest

from bookshop.payments.errors import StripeBusyError
from bookshop.payments.gate import Caller, Gate, Purpose, calling


@pytest.fixture
def take():
    """Takes places of a gate until one is refused, or `at_most`; returns how many it took."""
    with ExitStack() as held:

        def take(gate, *callers, at_most=100):
            for number in range(at_most):
                try:
                    with calling(callers[number % len(callers)]):
                        held.enter_context(gate.place())
                except StripeBusyError:
                    return number
            return at_most

        yield take


def visitors(purpose, count):
    """Return callers that are all from networks of their own."""
    return [Caller(purpose, f"visitor {n}", f"network {n}") for n in range(count)]


@pytest.mark.parametrize(
    ("places", "pages", "network", "visitor"),
    [(1, 1, 1, 1), (2, 2, 2, 2), (4, 4, 2, 2), (6, 4, 2, 2), (12, 8, 5, 2), (60, 40, 26, 10)],
)
def test_pages_and_one_network_and_one_visitor_have_their_limits(
    take, places, pages, network, visitor
):
    assert take(Gate(places), *visitors(Purpose.PAGE, 100)) == pages
    same_network = [Caller(Purpose.PAGE, f"visitor {n}", "network") for n in range(100)]
    assert take(Gate(places), *same_network) == network
    assert take(Gate(places), Caller(Purpose.PAGE, "visitor", "network")) == visitor
    moving = [Caller(Purpose.PAGE, "visitor", f"network {n}") for n in range(100)]
    assert take(Gate(places), *moving) == visitor


@pytest.mark.parametrize("purpose", [Purpose.PAY, Purpose.WEBHOOK])
@pytest.mark.parametrize("first", list(Purpose))
def test_pay_and_webhooks_always_find_a_place(take, purpose, first):
    gate = Gate(12)
    others = [each for each in Purpose if each not in {purpose, first}]
    for each in (first, *others):
        if each != purpose:
            take(gate, *visitors(each, 100))
    assert take(gate, *visitors(purpose, 100)) == 2


def test_without_others_background_work_may_use_what_is_not_reserved(take):
    assert take(Gate(12), Caller(Purpose.BACKGROUND)) == 8
    assert take(Gate(12), Caller(Purpose.WEBHOOK)) == 10


def test_places_are_given_back_and_no_client_is_kept():
    gate = Gate(12)
    caller = Caller(Purpose.PAGE, "visitor", "network")
    for _ in range(20):
        refused = pytest.raises(StripeBusyError)
        with calling(caller), gate.place(), gate.place(), refused, gate.place():
            pytest.fail("one visitor took three places")
    assert not gate._by_client
    assert gate._by_purpose.total() == 0
