"""The circuit breaker, with a clock that the test sets."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookshop.payments.circuit_breaker import (
    FAILURE_THRESHOLD,
    RECOVERY_TIME,
    BreakerState,
    CircuitBreaker,
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


def call(breaker, error=None):
    with breaker.guard():
        if error is not None:
            raise error


def fail(breaker, times=FAILURE_THRESHOLD):
    for _time in range(times):
        with pytest.raises(StripeUnavailableError, match="no answer"):
            call(breaker, StripeUnavailableError("no answer"))


def test_failures_below_the_threshold_keep_the_circuit_closed(breaker):
    fail(breaker, FAILURE_THRESHOLD - 1)
    assert breaker.state == BreakerState.CLOSED
    call(breaker)


def test_consecutive_failures_open_the_circuit(breaker):
    fail(breaker)
    assert breaker.state == BreakerState.OPEN
    with pytest.raises(StripeDownError):
        call(breaker, AssertionError("called"))


def test_a_success_resets_the_count(breaker):
    for _round in range(3):
        fail(breaker, FAILURE_THRESHOLD - 1)
        call(breaker)
    assert breaker.state == BreakerState.CLOSED


@pytest.mark.parametrize("answer", [IntentMissingError("no"), StoredFailureError("again")])
def test_a_refusal_counts_as_a_success(breaker, answer):
    fail(breaker, FAILURE_THRESHOLD - 1)
    with pytest.raises(type(answer)):
        call(breaker, answer)
    fail(breaker, FAILURE_THRESHOLD - 1)
    assert breaker.state == BreakerState.CLOSED


def test_half_open_admits_a_single_probe(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    assert breaker.state == BreakerState.HALF_OPEN
    with breaker.guard(), pytest.raises(StripeDownError):
        call(breaker)
    assert breaker.state == BreakerState.CLOSED
    call(breaker)


def test_a_failed_probe_opens_the_circuit_again(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    fail(breaker, 1)
    assert breaker.state == BreakerState.OPEN
    timer.now += RECOVERY_TIME / 2
    with pytest.raises(StripeDownError):
        call(breaker)
    timer.now += RECOVERY_TIME / 2
    call(breaker)
    assert breaker.state == BreakerState.CLOSED


def test_an_internal_error_during_a_probe_admits_another(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    with pytest.raises(ZeroDivisionError):
        call(breaker, ZeroDivisionError())
    call(breaker)
    assert breaker.state == BreakerState.CLOSED


def test_one_of_many_threads_probes(breaker, timer):
    fail(breaker)
    timer.now += RECOVERY_TIME
    passed, start, leave = [], threading.Barrier(8), threading.Event()

    def run():
        start.wait()
        try:
            with breaker.guard():
                passed.append(1)
                leave.wait(60)
        except StripeDownError:
            passed.append(0)
        if len(passed) == 8:
            leave.set()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(passed) == [0] * 7 + [1]


@given(st.lists(st.sampled_from(["answer", "failure", "mistake", "wait"]), max_size=60))
def test_the_circuit_always_closes_once_stripe_responds(steps):
    timer = Timer()
    breaker = CircuitBreaker(timer)
    errors = {"failure": StripeUnavailableError("no answer"), "mistake": KeyError("ours")}
    for step in steps:
        if step == "wait":
            timer.now += RECOVERY_TIME
            continue
        try:
            call(breaker, errors.get(step))
        except (StripeUnavailableError, KeyError):
            continue
        assert breaker.state == BreakerState.CLOSED
    timer.now += RECOVERY_TIME
    call(breaker)
    assert breaker.state == BreakerState.CLOSED
