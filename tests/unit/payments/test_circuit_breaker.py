"""The circuit breaker, by a clock that the test turns."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.payments.circuit_breaker import (
    FAILURE_THRESHOLD,
    RECOVERY_TIME,
    CircuitBreaker,
    BreakerState,
)
from bookshop.payments.errors import (
    IntentMissingError,
    StoredFailureError,
    StripeDownError,
    StripeUnavailableError,
)


class Timer:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def timer():
    return Timer()


@pytest.fixture
def breaker(timer):
    return CircuitBreaker(timer)


def ask(breaker, error=None):
    with breaker.guard():
        if error is not None:
            raise error


def fail(breaker, times=FAILURE_THRESHOLD):
    for _time in range(times):
        with pytest.raises(StripeUnavailableError, match="no answer"):
            ask(breaker, StripeUnavailableError("no answer"))


def test_a_few_failures_change_nothing(breaker):
    fail(breaker, FAILURE_THRESHOLD - 1)
    assert breaker.state == BreakerState.CLOSED
    ask(breaker)


def test_failures_in_a_row_open_it_and_nobody_asks(breaker):
    fail(breaker)
    assert breaker.state == BreakerState.OPEN
    with pytest.raises(StripeDownError):
        ask(breaker, AssertionError("asked"))


def test_an_answer_in_between_begins_the_row_anew(breaker):
    for _round in range(3):
        fail(breaker, FAILURE_THRESHOLD - 1)
        ask(breaker)
    assert breaker.state == BreakerState.CLOSED


@pytest.mark.parametrize("answer", [IntentMissingError("no"), StoredFailureError("again")])
def test_a_refusal_is_an_answer(breaker, answer):
    fail(breaker, FAILURE_THRESHOLD - 1)
    with pytest.raises(type(answer)):
        ask(breaker, answer)
    fail(breaker, FAILURE_THRESHOLD - 1)
    assert breaker.state == BreakerState.CLOSED


def test_after_a_pause_one_may_try_and_the_others_still_wait(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    assert breaker.state == BreakerState.HALF_OPEN
    with breaker.guard(), pytest.raises(StripeDownError):
        ask(breaker)
    assert breaker.state == BreakerState.CLOSED
    ask(breaker)


def test_a_try_that_fails_opens_it_for_another_pause(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    fail(breaker, 1)
    assert breaker.state == BreakerState.OPEN
    timer.now += RECOVERY_TIME / 2
    with pytest.raises(StripeDownError):
        ask(breaker)
    timer.now += RECOVERY_TIME / 2
    ask(breaker)
    assert breaker.state == BreakerState.CLOSED


def test_a_mistake_of_our_own_leaves_the_try_to_the_next(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    with pytest.raises(ZeroDivisionError):
        ask(breaker, ZeroDivisionError())
    ask(breaker)
    assert breaker.state == BreakerState.CLOSED


def test_of_many_threads_one_tries(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    passed, start, leave = [], threading.Barrier(8), threading.Event()

    def run():
        start.wait()
        try:
            with breaker.guard():
                passed.append(1)
                leave.wait(10)
        except StripeDownError:
            passed.append(0)
        if len(passed) == 8:
            leave.set()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(passed) == [0] * 7 + [1]


@given(st.lists(st.sampled_from(["answer", "failure", "mistake", "wait"]), max_size=60))
def test_it_never_stays_shut_once_stripe_answers(happenings):
    timer = Timer()
    breaker = CircuitBreaker(timer)
    errors = {"failure": StripeUnavailableError("no answer"), "mistake": KeyError("ours")}
    for happening in happenings:
        if happening == "wait":
            timer.now += RECOVERY_TIME
            continue
        try:
            ask(breaker, errors.get(happening))
        except (StripeUnavailableError, KeyError):
            continue
        assert breaker.state == BreakerState.CLOSED
    timer.now += RECOVERY_TIME
    ask(breaker)
    assert breaker.state == BreakerState.CLOSED
