"""The catalogue's version: who sees it when."""

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
def elsewhere(database_url):
    """An engine as another process has it."""
    engine = make_engine(database_url)
    yield engine.execution_options(**{WRITES: True})
    engine.dispose()


@pytest.fixture
def statements(version, monkeypatch):
    """How often the database is asked."""
    asked = []
    real = version.read
    monkeypatch.setattr(version, "read", lambda: (asked.append(1), real())[1])
    return asked


def bump_in(engine):
    with engine.begin() as connection:
        bump_version(connection)


def test_it_grows_by_one_with_the_transaction(engine, version):
    writer = engine.execution_options(**{WRITES: True})
    before = version.current()
    bump_in(writer)
    assert version.current() == before + 1
    with writer.connect() as connection:
        bump_version(connection)
        connection.rollback()
    assert version.current() == before + 1


def test_the_database_is_asked_once_a_second(version, clock, statements):
    for _ in range(3):
        version.current()
    assert len(statements) == 1
    clock.now += MAX_AGE - 0.01
    version.current()
    assert len(statements) == 1
    clock.now += 0.02
    version.current()
    assert len(statements) == 2


def test_another_process_is_seen_within_a_second(version, clock, elsewhere):
    before = version.current()
    bump_in(elsewhere)
    assert version.current() == before
    clock.now += MAX_AGE
    assert version.current() == before + 1


@pytest.mark.parametrize("through", ["session", "connection"])
def test_a_commit_of_this_process_is_seen_at_once(engine, sessions, version, through):
    before = version.current()
    if through == "session":
        with sessions.begin() as session:
            bump_version(session)
            assert version.current() == before  # not yet committed
    else:
        bump_in(engine.execution_options(**{WRITES: True}))
    assert version.current() == before + 1


def test_a_touch_inside_a_savepoint_is_seen_too(sessions, version):
    before = version.current()
    with sessions.begin() as session, session.begin_nested():
        bump_version(session)
    assert version.current() == before + 1


def test_reading_it_waits_for_no_writer(sessions, version):
    before = version.current()
    with sessions.begin() as session:
        bump_version(session)
        assert version.read() == before


def test_asking_goes_past_what_is_known(version, elsewhere):
    before = version.current()
    bump_in(elsewhere)
    assert version.read() == before + 1
    assert version.current() == before + 1


class Gate:
    """Lets one reading of the version begin, and holds its answer back."""

    def __init__(self, engine, monkeypatch):
        self.began, self.go_on = threading.Event(), threading.Event()
        real = engine.connect
        first = iter([True])

        def connect():
            if next(first, False):
                connection = real()
                connection.execute(select(CatalogueState.version))
                self.began.set()
                assert self.go_on.wait(DEADLINE)
                return connection
            return real()

        monkeypatch.setattr(engine, "connect", connect)


def in_thread(call):
    found = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    return thread, found


def test_while_one_thread_asks_the_others_go_on(engine, version, clock, monkeypatch):
    monkeypatch.setattr("bookshop.catalogue.version.LOCK_TIMEOUT", 2 * DEADLINE)
    before = version.current()
    clock.now += MAX_AGE
    gate = Gate(engine, monkeypatch)
    thread, found = in_thread(version.current)
    assert gate.began.wait(DEADLINE)
    assert version.current() == before
    gate.go_on.set()
    thread.join(DEADLINE)
    assert found == [before]


def test_an_answer_from_before_a_commit_is_not_taken_for_one_from_after(
    engine, version, clock, monkeypatch
):
    before = version.current()
    clock.now += MAX_AGE
    gate = Gate(engine, monkeypatch)
    thread, _found = in_thread(version.read)
    assert gate.began.wait(DEADLINE)
    version.invalidate()  # as a commit does
    gate.go_on.set()
    thread.join(DEADLINE)
    assert version._reading.changes != version._changes
    assert version.current() == before


def test_after_a_commit_nobody_is_given_what_was_known_before(engine, version, clock, monkeypatch):
    monkeypatch.setattr("bookshop.catalogue.version.LOCK_TIMEOUT", 0)
    version.current()
    clock.now += MAX_AGE
    gate = Gate(engine, monkeypatch)
    thread, _found = in_thread(version.current)
    assert gate.began.wait(DEADLINE)
    version.invalidate()
    assert version.current() is None
    gate.go_on.set()
    thread.join(DEADLINE)


def test_an_older_answer_does_not_replace_a_newer_one(version, clock, elsewhere, monkeypatch):
    gate = Gate(version._engine, monkeypatch)
    thread, _found = in_thread(version.read)
    assert gate.began.wait(DEADLINE)
    bump_in(elsewhere)
    clock.now += MAX_AGE / 2
    newer = version.read()
    gate.go_on.set()
    thread.join(DEADLINE)
    assert version.current() == newer


@pytest.fixture
def silence(engine, monkeypatch):
    """A database that does not answer."""

    def fail():
        raise OperationalError("SELECT", {}, Exception("gone"))

    return lambda: monkeypatch.setattr(engine, "connect", fail)


def test_a_silent_database_leaves_the_last_version_for_a_minute(version, clock, silence, caplog):
    before = version.current()
    silence()
    clock.now += MAX_AGE
    assert version.read() is None
    assert version.current() == before
    clock.now += MAX_AGE_ON_ERROR - 2 * MAX_AGE
    assert version.current() == before
    clock.now += 2 * MAX_AGE
    assert version.current() is None
    assert "gone" not in caplog.text


def test_a_silent_database_is_asked_once_a_second(version, clock, silence, statements):
    version.current()
    silence()
    clock.now += MAX_AGE
    for _ in range(3):
        version.current()
    assert len(statements) == 2


def test_a_version_that_nobody_has_ever_known_is_none(version, silence):
    silence()
    assert version.current() is None


def test_there_is_one_row_for_all(engine):
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM catalogue_state")) == 1
