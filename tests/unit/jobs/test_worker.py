"""What time asks for is done while nobody asks for a page."""

import logging
import threading

import pytest

from bookshop import clock
from bookshop.db import make_engine, make_sessions
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.jobs import worker
from bookshop.jobs.worker import JobWorker
from tests.unit.makers import NOW, book, order


@pytest.fixture
def lapsed(sessions):
    """Somebody pressed Pay for the last copy of ONE, and left; the number of their order."""
    wanted = book("ONE", stock=1, held=1)
    with sessions.begin() as session:
        made = order(wanted, holding=True, held_until=NOW, payment_intent=None)
        session.add_all([wanted, made])
        return made.number


@pytest.fixture
def gateway(make_gateway):
    return make_gateway()


def test_what_has_lapsed_is_given_back_and_told_once(
    sessions, gateway, lapsed, copies, monkeypatch, caplog
):
    caplog.set_level(logging.INFO, "bookshop")
    monkeypatch.setattr(clock, "now", lambda: NOW + RESERVATION_TIME)
    for _ in range(2):
        JobWorker(sessions, gateway).sweep()
    with sessions() as session:
        assert copies(session, "ONE") == (1, 0)
    assert caplog.text.count("1 orders have expired") == 1


def test_what_has_not_lapsed_is_left(sessions, gateway, lapsed, copies, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    JobWorker(sessions, gateway).sweep()
    with sessions() as session:
        assert copies(session, "ONE") == (1, 1)


def test_a_database_that_does_not_answer_is_tried_again(empty_url, gateway, caplog):
    engine = make_engine(empty_url)
    JobWorker(make_sessions(engine), gateway).sweep()
    engine.dispose()
    assert "nothing was swept up: " in caplog.text


def test_it_runs_until_it_is_stopped(sqlite_sessions, gateway, monkeypatch):
    twice = threading.Event()
    swept = []

    class Counting(JobWorker):
        def sweep(self):
            swept.append(threading.current_thread().name)
            if len(swept) == 2:
                twice.set()

    monkeypatch.setattr(worker, "PAUSE", 0.001)
    running = Counting(sqlite_sessions, gateway)
    running.start()
    assert twice.wait(10)
    running.stop()
    assert not running._thread.is_alive()
    assert set(swept) == {"sweeper"}


def test_stopping_what_was_never_started(sqlite_sessions, gateway):
    JobWorker(sqlite_sessions, gateway).stop()


def test_others_are_kept_up_too_and_their_trouble_is_not_ours(sqlite_sessions, gateway, caplog):
    done = []

    def trouble():
        done.append(True)
        raise LookupError("theirs")

    sweeper = JobWorker(sqlite_sessions, gateway, trouble)
    sweeper.sweep()
    sweeper.sweep()
    assert done == [True, True]
    assert "theirs" in caplog.text
