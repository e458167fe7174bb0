"""The first books of a new shop."""

import logging

import pytest
from sqlalchemy import func, select

import bookshop
from bookshop.catalogue.models import BookRecord
from bookshop.ops.startup import prepare
from tests.shops import ini

SHEET = "sku,title,format,price\nA-1,Moss,paperback,12\n,Lost,paperback,12\n"


@pytest.fixture
def start(tmp_path, empty_url):
    """Starts a shop in development whose INI is in `tmp_path`; its registry."""
    made = []

    def start():
        url = empty_url.render_as_string(hide_password=False)
        section = ini(tmp_path / "var", "http://localhost:1", sqlalchemy__url=url)
        made.append(bookshop.configure(section).registry)
        prepare(made[-1], str(tmp_path / "shop.ini"))
        return made[-1]

    yield start
    for registry in made:
        registry.services.payments.close()
        registry.services.engine.dispose()


def titles(registry):
    with registry.services.sessions() as session:
        return [book.edition.title for book in session.scalars(select(BookRecord))]


def test_a_sheet_beside_the_ini_takes_the_place_of_the_demo(start, tmp_path, caplog):
    caplog.set_level(logging.INFO, "bookshop")
    (tmp_path / "catalogue.csv").write_text(SHEET)
    assert titles(start()) == ["Moss"]
    assert "the books of catalogue.csv were loaded" in caplog.text
    assert "line 3 of the first books" in caplog.text


def test_what_is_on_the_shelf_already_stays(start, tmp_path):
    (tmp_path / "catalogue.csv").write_text(SHEET)
    start()
    (tmp_path / "catalogue.csv").write_text(SHEET.replace("Moss", "Lichen"))
    assert titles(start()) == ["Moss"]


def test_without_a_sheet_it_is_the_demo(start):
    with start().sessions() as session:
        assert session.scalar(select(func.count()).select_from(BookRecord)) >= 24


def test_a_file_that_is_no_sheet_is_told_in_the_log(start, tmp_path, caplog):
    (tmp_path / "catalogue.csv").write_text("nothing,of,use\n1,2,3\n")
    assert titles(start()) == []
    assert "catalogue.csv was not read to its end" in caplog.text
