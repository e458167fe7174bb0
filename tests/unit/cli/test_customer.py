"""`bookshop customer export` and `bookshop customer erase`."""

import json

import pytest

from bookshop.db import make_sessions
from bookshop.mail.models import MailRecord
from bookshop.orders.models import Order
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.states import OrderStatus
from tests.unit.makers import NOW, book, order

ADA = "ada@mail.example"


@pytest.fixture
def place(sessions):
    """Place an order of Ada's with an e-mail; return its number."""

    def place(**values):
        values = {"email": ADA, "status": OrderStatus.SHIPPED, **values}
        with sessions.begin() as session:
            session.add(sold := book())
            session.add(made := order(sold, **values))
            session.flush()
            made.lines[0].shipped = int(made.status == OrderStatus.SHIPPED)
            enqueue_order_email(session, made, MailKind.PAID, "", NOW)
            return made.number

    return place


def test_all_data_is_exported_as_json(run, place):
    number = place(address={"name": "Ada"})
    result = run("customer", "export", "ADA@mail.example")
    (exported,) = json.loads(result.stdout)["orders"]
    assert exported["number"] == number
    assert exported["address"] == {"name": "Ada"}
    assert exported["mails"][0]["recipient"] == ADA


def test_exporting_an_unknown_customer_exits_with_1(run):
    result = run("customer", "export", ADA)
    assert (result.exit_code, result.stdout) == (1, "")
    assert ADA in result.stderr


def test_erasing_asks_for_confirmation(run, place, engine):
    place()
    assert run("customer", "erase", ADA).exit_code == 1
    with make_sessions(engine)() as session:
        assert session.query(Order).one().email == ADA


def test_erasing_removes_records_and_files_and_can_be_repeated(run, place, engine, folder):
    number = place(payment_intent="pi_of_ada")
    mail = folder / "mail"
    mail.mkdir()
    (mail / "1.eml").write_text(f"To: {ADA}\n\nDear Ada\n")
    (mail / "2.eml").write_text("To: b@mail.example\n\nDear Bob\n")
    result = run("customer", "erase", ADA, "--yes", mail__folder=str(mail))
    assert result.exit_code == 0, result.output
    for text in (number, "E-mails deleted: 2", "backups", "pi_of_ada", "redaction"):
        assert text in result.stdout
    assert [file.name for file in mail.iterdir()] == ["2.eml"]
    with make_sessions(engine)() as session:
        assert session.query(Order).one().email is None
        assert session.query(MailRecord).count() == 0
    again = run("customer", "erase", ADA, "--yes", mail__folder=str(mail))
    assert again.exit_code == 0
    assert number not in again.stdout


def test_an_open_order_prevents_erasure_and_is_named(run, place, engine):
    number = place(status=OrderStatus.PAID)
    result = run("customer", "erase", ADA, "--yes")
    assert result.exit_code == 1
    assert number in result.stderr
    with make_sessions(engine)() as session:
        assert session.query(Order).one().email == ADA


def test_a_database_that_cannot_be_compacted_exits_with_1(run, place, monkeypatch):
    place()
    monkeypatch.setattr("bookshop.ops.privacy.erasure.compact_database", lambda _engine: False)
    result = run("customer", "erase", ADA, "--yes")
    assert result.exit_code == 1
    assert ADA in result.stderr
