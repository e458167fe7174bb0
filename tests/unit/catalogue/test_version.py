"""The catalogue's version: when a change becomes visible."""

import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from bookshop.catalogue.models import CatalogueState
from bookshop.catalogue.version import MAX_AGE, MAX_AGE_ON_ERROR, CatalogueVersion, bump_version
from bookshop.db import WRITES, make_engine

DEADLINE = 20  # seconds


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def version(engine, clock):
    return CatalogueVersion(engine, clock)


@pytest.fixture
def other_process(database_url):
    """An engine of its own, as another process has."""
    engine = make_engine(database_url)
    yield engine.execution_options(**{WRITES: True})
    engine.dispose()


@pytest.fixture
def readings(version, monkeypatch):
    """A list with an entry for each reading of the database."""
    readings = []
    real = version.read
    monkeypatch.setattr(version, "read", lambda: (readings.append(1), real())[1])
    return readings


def bump_in(engine):
    with engine.begin() as connection:
        bump_version(connection)


def test_version_is_incremented_by_a_committed_transaction(engine, version):
    writer = engine.execution_options(**{WRITES: True})
    before = version.current()
    bump_in(writer)
    assert version.current() > before
    with writer.connect() as connection:
        bump_version(connection)
        connection.rollback()
    assert version.current() > before


def test_database_is_read_at_most_once_a_second(version, clock, readings):
    for _ in range(3):
        version.current()
    assert len(readings) == 1
    clock.now += MAX_AGE - 0.01
    version.current()
    assert len(readings) == 1
    clock.now += 0.02
    version.current()
    assert len(readings) == 2


def test_change_of_another_process_is_visible_within_a_second(version, clock, other_process):
    before = version.current()
    bump_in(other_process)
    assert version.current() == before
    clock.now += MAX_AGE
    assert version.current() > before


@pytest.mark.parametrize("through", ["session", "connection"])
def test_change_of_this_process_is_visible_at_once(engine, sessions, version, through):
    before = version.current()
    if through == "session":
        with sessions.begin() as session:
            bump_version(session)
            assert version.current() == before  # not yet committed
    else:
        bump_in(engine.execution_options(**{WRITES: True}))
    assert version.current() > before


def test_change_inside_a_savepoint_is_visible(sessions, version):
    before = version.current()
    with sessions.begin() as session, session.begin_nested():
        bump_version(session)
    assert version.current() > before


def test_reading_does_not_wait_for_writers(sessions, version):
    before = version.current()
    with sessions.begin() as session:
        bump_version(session)
        assert version.read() == before


def test_read_ignores_the_cached_version(version, other_process):
    before = version.current()
    bump_in(other_process)
    assert version.read() > before
    assert version.current() > before


class Gate:
    """Lets one reading of the version start, and holds its result back."""

    def __init__(self, engine, monkeypatch):
        self.started, self.released = threading.Event(), threading.Event()
        real = engine.connect
        first = iter([True])

        def connect():
            if next(first, False):
                connection = real()
                connection.execute(select(CatalogueState.version))
                self.started.set()
                assert self.released.wait(DEADLINE)
                return connection
            return real()

        monkeypatch.setattr(engine, "connect", connect)


def run_in_thread(call):
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    return thread, found


def test_other_threads_use_the_cached_version_while_one_reads(engine, version, clock, monkeypatch):
    monkeypatch.setattr("bookshop.catalogue.version.LOCK_TIMEOUT", 2 * DEADLINE)
    before = version.current()
    clock.now += MAX_AGE
    gate = Gate(engine, monkeypatch)
    thread, found = run_in_thread(version.current)
    assert gate.started.wait(DEADLINE)
    assert version.current() == before
    gate.released.set()
    thread.join(DEADLINE)
    assert found == [before]


def test_reading_from_before_a_commit_is_not_fresh_after_it(engine, version, clock, monkeypatch):
    before = version.current()
    clock.now += MAX_AGE
    gate = Gate(engine, monkeypatch)
    thread, _found = run_in_thread(version.read)
    assert gate.started.wait(DEADLINE)
    version.invalidate()  # as a commit does
    gate.released.set()
    thread.join(DEADLINE)
    assert version._reading.changes != version._changes
    assert version.current() == before


def test_version_from_before_a_commit_is_not_returned_after_it(engine, version, clock, monkeypatch):
    monkeypatch.setattr("bookshop.catalogue.version.LOCK_TIMEOUT", 0)
    version.current()
    clock.now += MAX_AGE
    gate = Gate(engine, monkeypatch)
    thread, _found = run_in_thread(version.current)
    assert gate.started.wait(DEADLINE)
    version.invalidate()
    assert version.current() is None
    gate.released.set()
    thread.join(DEADLINE)


def test_older_reading_does_not_replace_a_newer_one(version, clock, other_process, monkeypatch):
    gate = Gate(version._engine, monkeypatch)
    thread, _found = run_in_thread(version.read)
    assert gate.started.wait(DEADLINE)
    bump_in(other_process)
    clock.now += MAX_AGE / 2
    newer = version.read()
    gate.released.set()
    thread.join(DEADLINE)
    assert version.current() == newer


@pytest.fixture
def fail_database(engine, monkeypatch):
    """Makes the database fail."""

    def fail():
        raise OperationalError("SELECT", {}, Exception("gone"))

    return lambda: monkeypatch.setattr(engine, "connect", fail)


def test_last_version_is_used_for_a_minute_without_database(version, clock, fail_database, caplog):
    before = version.current()
    fail_database()
    clock.now += MAX_AGE
    assert version.read() is None
    assert version.current() == before
    clock.now += MAX_AGE_ON_ERROR - 2 * MAX_AGE
    assert version.current() == before
    clock.now += 2 * MAX_AGE
    assert version.current() is None
    assert "gone" not in caplog.text


def test_unavailable_database_is_read_once_a_second(version, clock, fail_database, readings):
    version.current()
    fail_database()
    clock.now += MAX_AGE
    for _ in range(3):
        version.current()
    assert len(readings) == 2


def test_version_is_none_if_it_was_never_read(version, fail_database):
    fail_database()
    assert version.current() is None


def test_state_has_one_row(engine):
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM catalogue_state")) == 1
