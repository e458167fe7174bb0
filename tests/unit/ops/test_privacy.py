"""What is held about a customer: told whole, and erased to the last byte."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData, event, select

from bookshop.db import make_engine, make_sessions
from bookshop.mail.models import MailRecord
from bookshop.ops.privacy import UnderWayError, compact, erase, held_about, letters_to
from bookshop.orders.audit import Cause, TransitionContext, record_event
from bookshop.orders.models import Order, RefundRecord
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.charges import Address
from bookshop.payments.intents import IntentStatus
from bookshop.webhooks.models import EventRecord, EventStatus
from tests.unit.makers import NOW, book, charge, intent_of, order

ADA = "Ada.Lovelace@mail.example"
TRACES = ("lovelace", "st james", "parcel-1815", "visitor-of-ada")
CAUSE = Cause(Actor.STAFF, "test")


@pytest.fixture
def occasion(sessions):
    """Runs something in a transaction of its own."""

    def run(act, *values):
        with sessions.begin() as session:
            return act(TransitionContext(session, CAUSE, NOW), *values)

    return run


@pytest.fixture
def held(sessions):
    """Orders of Ada's, all that hangs on them, and one of somebody else's."""
    with sessions.begin() as session:
        session.add(wanted := book("MOSS"))
        made = [
            order(
                wanted,
                email=ADA,
                visitor="visitor-of-ada",
                basis="visitor-of-ada/MOSS/",
                status=OrderStatus.SHIPPED,
                address={"name": "Ada Lovelace", "line1": "12 St James's Square"},
                paid_at=NOW,
            ),
            order(wanted, email=ADA.upper(), visitor="v2", status=OrderStatus.EXPIRED),
            order(wanted, visitor="visitor-of-ada", status=OrderStatus.EXPIRED),
            order(wanted, email="b@mail.example", visitor="v3", status=OrderStatus.PAID),
        ]
        session.add_all(made)
        session.flush()
        first = made[0]
        first.lines[0].shipped = 1
        occasion = TransitionContext(session, CAUSE, NOW)
        record_event(occasion, first, "shipped", lines=[], tracking="PARCEL-1815")
        record_event(
            occasion, first, "note", text=f"told {ADA.lower()} and ada lovelace", more=[ADA]
        )
        enqueue_order_email(session, first, MailKind.SHIPPED, "1", NOW, tracking="PARCEL-1815")
        enqueue_order_email(session, made[3], MailKind.PAID, "1", NOW)
        session.flush()
        session.scalars(select(MailRecord)).first().problem = f"550 {ADA}: no such user"
        refund = {"amount": 1, "status": "failed", "requested_at": NOW}
        first.refunds.append(RefundRecord(problem=f"{ADA} has closed the card", **refund))
        session.add(
            EventRecord(
                id="evt_1",
                type="payment_intent.succeeded",
                created=NOW,
                intent=first.payment_intent,
                status=EventStatus.FAILED,
                deliveries=1,
                problem=f"about {ADA}",
                received_at=NOW,
            )
        )
        return [each.number for each in made]


def everything(engine):
    """All rows of all tables, as text."""
    metadata = MetaData()
    metadata.reflect(engine, resolve_fks=False)
    with engine.connect() as connection:
        rows = [
            str(connection.execute(select(table)).all())
            for name, table in metadata.tables.items()
            if not name.startswith("search_index")
        ]
    return " ".join(rows).casefold()


# --- telling


def test_all_that_is_held_is_told_whatever_the_case(sessions, held):
    with sessions() as session:
        found = held_about(session, "ADA.LOVELACE@MAIL.EXAMPLE ")
    assert [each["number"] for each in found] == held[:3]
    first = found[0]
    assert first["address"]["line1"] == "12 St James's Square"
    assert first["lines"][0]["sku"] == "MOSS"
    assert [mail["recipient"] for mail in first["mails"]] == [ADA]
    assert [event["id"] for event in first["events"]] == ["evt_1"]
    assert [entry["what"] for entry in first["history"]] == ["shipped", "note"]
    assert "b@mail.example" not in json.dumps(found)


def test_whoever_is_unknown_has_nothing(sessions, held):
    with sessions() as session:
        assert held_about(session, "nobody@mail.example") == []
        assert held_about(session, "lovelace@mail.example") == []
        assert held_about(session, "%") == []


# --- erasing


def test_nothing_in_the_database_names_them_any_more(engine, held, occasion):
    before = everything(engine)
    assert all(trace in before for trace in TRACES)
    erased = occasion(erase, ADA)
    assert erased.orders == tuple(held[:3])
    after = everything(engine)
    assert not [trace for trace in TRACES if trace in after]
    assert "b@mail.example" in after


def test_records_of_money_stay(sessions, held, occasion):
    occasion(erase, ADA)
    with sessions() as session:
        first = session.scalars(select(Order).where(Order.number == held[0])).one()
        assert (first.status, first.total, first.paid_at) == ("shipped", 999, NOW)
        assert (first.lines[0].sku, first.refunds[0].amount) == ("MOSS", 1)
        assert first.payment_intent
        assert first.entries[-1].what == "erased"
        other = session.scalars(select(Order).where(Order.number == held[3])).one()
        assert (other.email, other.visitor) == ("b@mail.example", "v3")


def test_erasing_again_finds_nothing(engine, held, occasion):
    occasion(erase, ADA)
    before = everything(engine)
    again = occasion(erase, ADA)
    assert (again.orders, again.mails, again.intents) == ((), 0, ())
    assert everything(engine) == before


@pytest.mark.parametrize(
    "status", [OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID, OrderStatus.DISPUTED]
)
def test_an_order_that_needs_its_customer_stops_it(sessions, held, occasion, engine, status):
    with sessions.begin() as session:
        session.scalars(select(Order).where(Order.number == held[1])).one().status = status
    before = everything(engine)
    with pytest.raises(UnderWayError, match=f"{held[1]} .{status.value}"):
        occasion(erase, ADA)
    assert everything(engine) == before


def test_what_stripe_says_later_does_not_bring_them_back(sessions, held, occasion, engine):
    occasion(erase, ADA)
    told = Address(name="Ada Lovelace", line1="12 St James's Square")
    with sessions.begin() as session:
        first = session.scalars(select(Order).where(Order.number == held[0])).one()
        word = intent_of(first, IntentStatus.SUCCEEDED, charge=charge(address=told))
        sync_payment(session, word, CAUSE, NOW + timedelta(days=1))
    after = everything(engine)
    assert not [trace for trace in TRACES if trace in after]


# --- files


def test_the_files_of_sqlite_forget_them(sqlite_url):
    engine = make_engine(sqlite_url)
    # Some SQLites overwrite what is deleted by themselves.
    event.listen(engine, "connect", lambda each, _: each.execute("PRAGMA secure_delete=OFF"))
    file = Path(sqlite_url.database)

    def files():
        return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*")).lower()

    with make_sessions(engine).begin() as session:
        session.add(wanted := book())
        made = [
            order(wanted, email=ADA, status=OrderStatus.EXPIRED, visitor=f"v{number}")
            for number in range(40)
        ]
        session.add_all(made)
        session.flush()
        for each in made:
            enqueue_order_email(session, each, MailKind.EXPIRED, "", NOW)
    assert b"lovelace" in files()
    with make_sessions(engine).begin() as session:
        erase(TransitionContext(session, CAUSE, NOW), ADA)
    assert compact(engine)
    assert b"lovelace" not in files()
    engine.dispose()


def test_compacting_says_when_somebody_reads(sqlite_url, monkeypatch):
    monkeypatch.setattr("bookshop.db.LOCK_WAIT", 0.1)
    engine = make_engine(sqlite_url)
    with engine.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM orders").one()
        with make_sessions(engine).begin() as session:
            session.add(order(book()))
        assert not compact(engine)
    assert compact(engine)
    engine.dispose()


def test_compacting_says_when_somebody_writes(sqlite_url, monkeypatch):
    monkeypatch.setattr("bookshop.db.LOCK_WAIT", 0.1)
    engine = make_engine(sqlite_url)
    with make_sessions(engine).begin() as session:
        session.add(order(book()))
        session.flush()
        assert not compact(engine)
    engine.dispose()


def test_compacting_works_on_every_database(engine):
    assert compact(engine)


def test_letters_in_a_folder_are_found_by_whom_they_are_to(tmp_path):
    for name, to in (("a", f"Ada <{ADA.upper()}>"), ("b", "b@mail.example"), ("c", "")):
        (tmp_path / f"{name}.eml").write_text(f"To: {to}\nSubject: x\n\nDear {ADA}\n")
    assert [file.name for file in letters_to(tmp_path, ADA)] == ["a.eml"]
    assert list(letters_to(None, ADA)) == []
    assert list(letters_to(tmp_path / "none", ADA)) == []
