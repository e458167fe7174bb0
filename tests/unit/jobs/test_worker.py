"""Periodic jobs: each runs at its interval, apart from the others, until the worker stops."""

import logging
import threading
from datetime import timedelta

import pytest
from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError
from sqlalchemy.exc import OperationalError

from bookshop.db import make_engine, make_sessions
from bookshop.jobs import add_job
from bookshop.jobs.worker import Job, JobWorker
from bookshop.orders.audit import JOB_WORKER
from bookshop.orders.jobs import run_order_jobs
from tests.unit.makers import NOW, book, order
from tests.waiting import until

SOON = 0.01  # seconds


def failing(error):
    def function():
        raise error

    return function


@pytest.fixture
def start():
    """Starts workers, and stops them after the test."""
    started = []

    def start(*jobs, **options):
        worker = JobWorker(jobs, **options)
        worker.start()
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.stop()


def test_a_job_runs_repeatedly_in_a_thread_of_its_own_until_the_worker_stops(start):
    threads = []
    worker = start(Job("count", SOON, lambda: threads.append(threading.current_thread().name)))
    until(lambda: len(threads) >= 2)
    worker.stop()
    runs = len(threads)
    assert not worker._thread.is_alive()
    assert set(threads) == {"job-worker"}
    assert len(threads) == runs


def test_each_job_keeps_its_own_interval(start):
    often, rarely = [], []
    start(
        Job("often", SOON, lambda: often.append(1)), Job("rarely", 3600, lambda: rarely.append(1))
    )
    until(lambda: len(often) >= 3)
    assert rarely == []


@pytest.mark.parametrize(
    "error", [LookupError("broken"), OperationalError("UPDATE", {}, Exception("locked"))]
)
def test_a_failing_job_is_logged_and_stops_no_other(error, start, caplog):
    done = []
    start(Job("first", SOON, failing(error)), Job("second", SOON, lambda: done.append(1)))
    until(lambda: len(done) >= 2)
    [*records] = [each for each in caplog.records if each.getMessage() == "periodic_job_failed"]
    assert len(records) >= 2
    assert {each.job for each in records} == {"first"}


def test_a_database_that_is_down_leaves_no_tracebacks(caplog):
    worker = JobWorker([])
    worker.run(Job("orders", 1, failing(OperationalError("UPDATE", {}, Exception("locked")))))
    [record] = caplog.records
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
    assert record.error == "OperationalError"


def test_jobs_pause_and_continue_afterwards(start):
    asked, runs = [], []

    def paused():
        asked.append(1)
        return len(asked) <= 3

    start(Job("count", SOON, lambda: runs.append(len(asked))), paused=paused)
    until(lambda: runs)
    assert runs[0] == 4


def test_a_worker_that_was_not_started_can_be_stopped():
    JobWorker([]).stop()


def test_a_worker_without_jobs_ends(start):
    worker = start()
    worker._thread.join(60)
    assert not worker._thread.is_alive()


# --- the directive


def test_a_name_is_registered_once():
    config = Configurator()
    config.registry.jobs = []
    config.add_directive("add_job", add_job)
    config.add_job("orders", 30, list)
    config.commit()
    assert config.registry.jobs == [Job("orders", 30, list)]
    config.add_job("twice", 30, list)
    config.add_job("twice", 60, list)
    with pytest.raises(ConfigurationConflictError):
        config.commit()


def test_each_feature_registers_its_own_jobs(configure):
    names = {job.name for job in configure().registry.jobs}
    assert names == {
        "orders",
        "catalogue",
        "delete_expired_rate_counts",
        "delete_unpaid_orders",
        "send_requested_links",
    }


# --- the jobs of the orders


@pytest.fixture
def lapsed(sessions):
    """An order for the last copy of ONE whose reservation ends at NOW."""
    wanted = book("ONE", stock=1, reserved=1)
    with sessions.begin() as session:
        session.add_all(
            [wanted, order(wanted, stock_reserved=True, reserved_until=NOW, payment_intent=None)]
        )


@pytest.mark.parametrize(
    ("now", "held", "logged"), [(NOW, 0, [1]), (NOW - timedelta(seconds=1), 1, [])]
)
def test_lapsed_reservations_are_released_once(
    sessions, make_gateway, lapsed, copies, monkeypatch, caplog, now, held, logged
):
    caplog.set_level(logging.INFO, "bookshop")
    monkeypatch.setattr("bookshop.clock.now", lambda: now)
    for _ in range(2):
        run_order_jobs(sessions, make_gateway(), JOB_WORKER)
    with sessions() as session:
        assert copies(session, "ONE") == (1, held)
    found = [each.count for each in caplog.records if each.getMessage() == "orders_expired"]
    assert found == logged


def test_an_unreachable_database_fails_no_worker(empty_url, make_gateway, caplog):
    engine = make_engine(empty_url)
    sessions = make_sessions(engine)
    job = Job("orders", 30, lambda: run_order_jobs(sessions, make_gateway(), JOB_WORKER))
    JobWorker([job]).run(job)
    engine.dispose()
    assert [each.job for each in caplog.records] == ["orders"]
