"""Read-only mode of all processes that share a database, and of one machine."""

import pytest
from sqlalchemy import text

from bookshop.db import WRITES, make_engine
from bookshop.read_only import ReadOnlyMode
from tests.unit.makers import NOW


@pytest.fixture
def flag(tmp_path):
    return tmp_path / "read-only"


def test_the_mode_is_shared_through_the_database(engine, database_url, flag):
    other = make_engine(database_url)
    here, there = ReadOnlyMode(engine, flag), ReadOnlyMode(other, flag)
    assert not there.is_on()
    here.begin(NOW)
    assert there.is_on()
    there.end()
    assert not here.is_on()
    other.dispose()


def test_a_file_turns_the_mode_on_for_one_machine(engine, flag, tmp_path):
    flag.touch()
    assert ReadOnlyMode(engine, flag).is_on()
    assert not ReadOnlyMode(engine, tmp_path / "of-another-machine").is_on()


def test_an_unavailable_database_is_not_read_only(engine, flag, caplog):
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(text("DROP TABLE shop_state"))
    assert not ReadOnlyMode(engine, flag).is_on()
    assert caplog.messages == ["read_only_mode_unknown"]
