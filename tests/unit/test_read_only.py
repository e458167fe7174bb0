"""Read-only mode, which all who share the database are in together."""

import pytest
from sqlalchemy import text

from bookshop.db import WRITES, make_engine
from bookshop.read_only import ReadOnlyMode
from tests.unit.makers import NOW


@pytest.fixture
def flag(tmp_path):
    return tmp_path / "read-only"


def test_it_begins_and_ends_for_all_who_share_the_database(engine, database_url, flag):
    other = make_engine(database_url)
    here, there = ReadOnlyMode(engine, flag), ReadOnlyMode(other, flag)
    assert not there.is_on()
    here.begin(NOW)
    assert there.is_on()
    there.end()
    assert not here.is_on()
    other.dispose()


def test_a_file_puts_one_machine_into_it(engine, flag, tmp_path):
    flag.touch()
    assert ReadOnlyMode(engine, flag).is_on()
    assert not ReadOnlyMode(engine, tmp_path / "of-another-machine").is_on()


def test_a_database_that_cannot_say_is_not_taken_for_read_only(engine, flag, caplog):
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(text("DROP TABLE shop_state"))
    assert not ReadOnlyMode(engine, flag).is_on()
    assert "whether the shop is read only is unknown" in caplog.text
