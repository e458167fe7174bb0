"""What a transaction is, on SQLite and on PostgreSQL."""

import datetime as dt
import sqlite3

import pytest
import transaction
import zope.sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st
from pyramid.testing import DummyRequest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from bookshop.catalogue.models import BookRecord
from bookshop.db import Base, commit_now, make_engine, make_sessions, outside_transaction
from bookshop.orders.models import Order
from tests.unit.makers import NOW, book, order

EPOCH = dt.datetime.fromtimestamp(0, dt.UTC)


# --- times


@settings(max_examples=30)
@given(
    moment=st.builds(
        lambda microseconds, zone: (EPOCH + dt.timedelta(microseconds=microseconds)).astimezone(
            zone
        ),
        st.integers(0, 4 * 10**15),
        st.timezones(),
    )
)
def test_times_are_returned_in_utc(sessions, moment):
    with sessions.begin() as session:
        placed = order(book(), placed_at=moment)
        session.add(placed)
        session.flush()
        number = placed.number
    with sessions() as session:
        found = session.scalar(select(Order.placed_at).where(Order.number == number))
    assert found == moment.astimezone(dt.UTC)
    assert found.utcoffset() == dt.timedelta(0)


def test_naive_times_are_refused(sessions):
    with sessions() as session:
        session.add(order(book(), placed_at=NOW.replace(tzinfo=None)))
        with pytest.raises(StatementError) as refused:
            session.flush()
        assert isinstance(refused.value.orig, ValueError)


def test_null_times_stay_null(sessions):
    with sessions.begin() as session:
        session.add(order(book(), paid_at=None))
    with sessions() as session:
        assert session.scalars(select(Order.paid_at)).one() is None


def test_times_compare_across_zones(sessions):
    east = dt.timezone(dt.timedelta(hours=9))
    with sessions.begin() as session:
        session.add(order(book(), reserved_until=NOW.astimezone(east)))
    with sessions() as session:
        just_after = NOW + dt.timedelta(microseconds=1)
        counted = select(func.count()).select_from(Order)
        assert session.scalar(counted.where(Order.reserved_until < just_after)) == 1
        assert session.scalar(counted.where(Order.reserved_until < NOW)) == 0


# --- engines


def test_sqlite_pragmas(sqlite_url):
    engine = make_engine(sqlite_url)
    with engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL: what is committed survives a power cut
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }


def test_the_folder_of_a_sqlite_file_is_created(sqlite_url, tmp_path):
    engine = make_engine(sqlite_url.set(database=str(tmp_path / "new" / "var" / "shop.sqlite")))
    with engine.connect():
        assert (tmp_path / "new" / "var" / "shop.sqlite").exists()
    engine.dispose()


def test_a_writing_session_locks_sqlite_before_it_reads(sqlite_url):
    engine = make_engine(sqlite_url)
    other = sqlite3.connect(sqlite_url.database, timeout=0, isolation_level=None)
    with make_sessions(engine)() as session:
        session.scalar(select(func.count()).select_from(BookRecord))
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM books").fetchone() == (0,)
    other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()


def test_readers_do_not_block_writers(sqlite_url):
    engine = make_engine(sqlite_url)
    other = sqlite3.connect(sqlite_url.database, timeout=0, isolation_level=None)
    with engine.connect() as connection:
        connection.scalar(select(func.count()).select_from(BookRecord))
        other.execute("BEGIN IMMEDIATE")
    other.close()
    engine.dispose()


def test_errors_contain_no_parameters(sessions):
    with sessions() as session:
        session.add(order(book(), number="SAME", email="reader@private.example"))
        session.flush()
        session.add(order(book(), number="SAME", email="reader@private.example"))
        with pytest.raises(IntegrityError) as caught:
            session.flush()
    assert "reader@private.example" not in f"{caught.value}"
    assert "parameters hidden" in f"{caught.value}"


def test_constraints_have_names():
    unnamed = [
        f"{table.name}: {constraint}"
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if not constraint.name
    ]
    assert Base.metadata.tables
    assert unnamed == []


# --- transactions of a request


@pytest.fixture
def request_in_transaction(sessions):
    """A request as pyramid_tm hands it to a view."""
    request = DummyRequest()
    request.tm = transaction.TransactionManager(explicit=True)
    request.tm.begin()
    request.db = sessions()
    zope.sqlalchemy.register(request.db, transaction_manager=request.tm)
    yield request
    request.tm.abort()


def count_books(engine):
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(BookRecord))


def test_no_connection_is_held_outside_the_transaction(request_in_transaction, engine):
    request_in_transaction.db.add(book())
    request_in_transaction.db.flush()
    assert engine.pool.checkedout() == 1
    with outside_transaction(request_in_transaction.tm):
        assert engine.pool.checkedout() == 0
        assert not request_in_transaction.db.in_transaction()
        assert count_books(engine) == 1
    request_in_transaction.db.add(book())
    request_in_transaction.tm.commit()
    assert count_books(engine) == 2
    request_in_transaction.tm.begin()


def test_writes_before_a_failing_call_are_kept(request_in_transaction, engine):
    def ask():
        with outside_transaction(request_in_transaction.tm):
            raise TimeoutError

    request_in_transaction.db.add(book())
    with pytest.raises(TimeoutError):
        ask()
    request_in_transaction.db.add(book())
    request_in_transaction.tm.abort()  # a view that answers with an error
    assert count_books(engine) == 1
    request_in_transaction.tm.begin()


def test_commit_now_survives_a_rollback(request_in_transaction, engine):
    request_in_transaction.db.add(book("KEPT"))
    commit_now(request_in_transaction.tm)
    request_in_transaction.db.add(book("LOST"))
    request_in_transaction.tm.abort()
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT sku FROM books")).all() == ["KEPT"]
    request_in_transaction.tm.begin()


def test_a_failed_commit_releases_the_lock(request_in_transaction, engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE parents (id INTEGER PRIMARY KEY)"))
        parent = "REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED"
        connection.execute(text(f"CREATE TABLE children (parent INTEGER {parent})"))
    request_in_transaction.db.execute(text("INSERT INTO children VALUES (1)"))
    zope.sqlalchemy.mark_changed(request_in_transaction.db)

    with pytest.raises(IntegrityError):
        request_in_transaction.tm.commit()
    request_in_transaction.tm.abort()

    with make_sessions(engine).begin() as session:
        assert session.scalar(text("SELECT count(*) FROM children")) == 0
    request_in_transaction.tm.begin()
