"""The initial catalogue of a new shop."""

import logging

import pytest
from sqlalchemy import func, select

import bookshop
from bookshop.catalogue.models import BookRecord
from bookshop.ops.startup import prepare
from tests.shops import ini

CSV = "sku,title,format,price\nA-1,Moss,paperback,12\n,Lost,paperback,12\n"


@pytest.fixture
def start(tmp_path, empty_url):
    """Starts a shop in development whose INI is in `tmp_path`; returns its registry."""
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


def test_csv_file_beside_the_ini_is_loaded_instead_of_the_demo(start, tmp_path, caplog):
    caplog.set_level(logging.INFO, "bookshop")
    (tmp_path / "catalogue.csv").write_text(CSV)
    assert titles(start()) == ["Moss"]
    logged = {each.msg: each for each in caplog.records}
    assert logged["catalogue_loaded"].file == "catalogue.csv"
    refused = logged["seed_row_refused"]
    assert (refused.line, refused.code) == (3, "missing_identifier")


def test_csv_file_is_not_loaded_into_a_shop_with_books(start, tmp_path):
    (tmp_path / "catalogue.csv").write_text(CSV)
    start()
    (tmp_path / "catalogue.csv").write_text(CSV.replace("Moss", "Lichen"))
    assert titles(start()) == ["Moss"]


def test_demo_is_loaded_without_a_csv_file(start):
    with start().services.sessions() as session:
        assert session.scalar(select(func.count()).select_from(BookRecord)) >= 24


def test_unreadable_csv_file_is_logged(start, tmp_path, caplog):
    (tmp_path / "catalogue.csv").write_text("nothing,of,use\n1,2,3\n")
    assert titles(start()) == []
    [logged] = [each for each in caplog.records if each.msg == "seed_file_not_read"]
    assert logged.file == "catalogue.csv"
