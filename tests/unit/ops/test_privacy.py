"""A customer's personal data is exported completely, and erased to the last byte."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import MetaData, event, select

from bookshop.db import make_engine, make_sessions
from bookshop.mail import outbox
from bookshop.mail.models import MailRecord
from bookshop.mail.outbox import NewMail
from bookshop.ops.privacy.erasure import (
    ErasedRecords,
    OpenOrdersError,
    erase_customer,
    erase_records,
)
from bookshop.ops.privacy.export import export_customer
from bookshop.ops.privacy.files import compact_database, find_mail_files
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.fulfilment.shipments import CannotShipError, ShipmentRequest, ship
from bookshop.orders.models import DisputeRecord, LinkRequest, Order, RefundRecord
from bookshop.orders.notifications import MailKind, enqueue_order_email
from bookshop.orders.payment.sync import sync_payment
from bookshop.orders.states import Actor, OrderStatus
from bookshop.payments.charges import Address
from bookshop.payments.intents import IntentStatus
from bookshop.webhooks.models import EventRecord, EventStatus
from tests.unit.makers import NOW, book, charge, intent_of, order

ADA = "Ada.Lovelace@mail.example"
TRACES = ("lovelace", "st james", "parcel-1815", "session-of-ada")
CAUSE = Cause(Actor.STAFF, "test")


@pytest.fixture
def erase(sessions):
    """Erase a customer's records in a transaction."""

    def erase(email=ADA):
        with sessions.begin() as session:
            return erase_records(TransitionContext(session, CAUSE, NOW), email)

    return erase


@pytest.fixture
def held(sessions):
    """Numbers of three orders of Ada's, with e-mails and events, and of one of another customer."""
    with sessions.begin() as session:
        session.add(sold := book("MOSS"))
        made = [
            order(
                sold,
                email=ADA,
                session_id="session-of-ada",
                dedup_key="session-of-ada/MOSS/",
                status=OrderStatus.SHIPPED,
                address={"name": "Ada Lovelace", "line1": "12 St James's Square"},
                paid_at=NOW,
            ),
            order(sold, email=ADA.upper(), session_id="v2", status=OrderStatus.EXPIRED),
            order(sold, session_id="session-of-ada", status=OrderStatus.EXPIRED),
            order(sold, email="b@mail.example", session_id="v3", status=OrderStatus.PAID),
        ]
        session.add_all(made)
        session.flush()
        first = made[0]
        first.lines[0].shipped = 1
        context = TransitionContext(session, CAUSE, NOW)
        record_event(context, first, AuditEvent.ITEMS_SHIPPED, lines=[], tracking="PARCEL-1815")
        problem = f"wrote to {ADA.lower()} and ada lovelace"
        record_event(context, first, AuditEvent.REFUND_REFUSED, key="K7QM/0", problem=problem)
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
    """Return all rows of all tables as text, in lower case."""
    metadata = MetaData()
    metadata.reflect(engine, resolve_fks=False)
    with engine.connect() as connection:
        rows = [
            str(connection.execute(select(table)).all())
            for name, table in metadata.tables.items()
            if not name.startswith("search_index")
        ]
    return " ".join(rows).casefold()


# --- export


def test_everything_about_a_customer_is_exported_whatever_the_case(sessions, held):
    with sessions() as session:
        found = export_customer(session, "ADA.LOVELACE@MAIL.EXAMPLE ")
    assert [each["number"] for each in found] == held[:3]
    first = found[0]
    assert first["address"]["line1"] == "12 St James's Square"
    assert first["lines"][0]["sku"] == "MOSS"
    assert [mail["recipient"] for mail in first["mails"]] == [ADA]
    assert [event["id"] for event in first["events"]] == ["evt_1"]
    assert [entry["event"] for entry in first["history"]] == ["items_shipped", "refund_refused"]
    assert "b@mail.example" not in json.dumps(found)


def test_an_unknown_address_exports_nothing(sessions, held):
    with sessions() as session:
        assert export_customer(session, "unknown@mail.example") == []
        assert export_customer(session, "lovelace@mail.example") == []
        assert export_customer(session, "%") == []


# --- erasure


def test_nothing_in_the_database_names_the_customer_afterwards(engine, held, erase):
    before = everything(engine)
    assert all(trace in before for trace in TRACES)
    erased = erase()
    assert erased.orders == tuple(held[:3])
    after = everything(engine)
    assert not [trace for trace in TRACES if trace in after]
    assert "b@mail.example" in after


def test_records_for_accounting_stay(sessions, held, erase):
    erase()
    with sessions() as session:
        first = session.scalars(select(Order).where(Order.number == held[0])).one()
        assert (first.status, first.total, first.paid_at) == ("shipped", 999, NOW)
        assert (first.lines[0].sku, first.refunds[0].amount) == ("MOSS", 1)
        assert first.payment_intent
        assert first.entries[-1].event == "customer_erased"
        other = session.scalars(select(Order).where(Order.number == held[3])).one()
        assert (other.email, other.session_id) == ("b@mail.example", "v3")


def test_erasing_again_changes_nothing(engine, held, erase):
    erase()
    before = everything(engine)
    again = erase()
    assert again == ErasedRecords((), (), frozenset())
    assert everything(engine) == before


@pytest.mark.parametrize(
    "status", [OrderStatus.AWAITING_PAYMENT, OrderStatus.PROCESSING, OrderStatus.DISPUTED]
)
def test_an_undecided_payment_prevents_erasure(sessions, held, erase, engine, status):
    with sessions.begin() as session:
        session.scalars(select(Order).where(Order.number == held[1])).one().status = status
    before = everything(engine)
    with pytest.raises(OpenOrdersError, match=f"{held[1]} .{status.value}"):
        erase()
    assert everything(engine) == before


@pytest.mark.parametrize(
    ("status", "values", "shipped"),
    [
        (OrderStatus.PAID, {}, 0),
        (OrderStatus.PARTLY_SHIPPED, {}, 1),
        (OrderStatus.SHIPPED, {}, 2),
        *((OrderStatus.PARTLY_REFUNDED, {"refunded": 1}, shipped) for shipped in (0, 1, 2)),
        *((OrderStatus.DISPUTE_WON, {}, shipped) for shipped in (0, 1, 2)),
        (OrderStatus.REFUNDED, {"refunded": 1998}, 0),
        (OrderStatus.DISPUTE_LOST, {}, 0),
    ],
)
def test_the_address_of_an_order_that_can_still_be_shipped_stays(
    sessions, erase, status, values, shipped
):
    with sessions.begin() as session:
        session.add(sold := book())
        made = order(sold, quantity=2, email=ADA, status=status, **values)
        session.add(made)
        session.flush()
        made.lines[0].shipped = shipped
        if status == OrderStatus.DISPUTE_WON:
            won = {"amount": 1, "reason": "general", "status": "won", "opened_at": NOW}
            made.disputes.append(DisputeRecord(stripe_id="du_1", **won))
    with sessions() as session:
        context = TransitionContext(session, CAUSE, NOW)
        try:
            can_ship = bool(
                ship(context, session.scalars(select(Order)).one(), ShipmentRequest({}))
            )
        except CannotShipError:
            can_ship = False
        session.rollback()
    if can_ship:
        with pytest.raises(OpenOrdersError, match=status):
            erase()
    else:
        assert len(erase().orders) == 1


@pytest.mark.parametrize("reason", [{"out_of_stock": True}, {"rejection": "price_changed"}])
def test_an_order_whose_payment_is_not_returned_yet_keeps_its_address(sessions, erase, reason):
    with sessions.begin() as session:
        session.add(order(book(), email=ADA, status=OrderStatus.PAID, **reason))
    with pytest.raises(OpenOrdersError):
        erase()


def test_a_requested_refund_prevents_erasure(sessions, held, erase):
    with sessions.begin() as session:
        first = session.scalars(select(Order).where(Order.number == held[0])).one()
        first.refunds.append(RefundRecord(amount=1, status="requested", requested_at=NOW))
    with pytest.raises(OpenOrdersError, match=held[0]):
        erase()


@pytest.mark.parametrize("name", ["Ed", "e", "succeeded", "re_1", "(", "10"])
def test_machine_data_stays_whatever_the_customer_is_called(sessions, erase, name):
    with sessions.begin() as session:
        session.add(sold := book("MOSS", title="Edmund"))
        made = order(
            sold, email=f"{name}@mail.example", address={"name": name}, status=OrderStatus.REFUNDED
        )
        session.add(made)
        session.flush()
        context = TransitionContext(session, Cause(Actor.STAFF, "refund by ed"), NOW)
        detail = {"id": "re_1", "amount": 10, "status": "succeeded"}
        record_event(context, made, AuditEvent.REFUND_UPDATED, **detail)
        lines = [{"title": "Edmund", "quantity": 1}]
        record_event(context, made, AuditEvent.ITEMS_SHIPPED, lines=lines, tracking=name)
        record_event(context, made, AuditEvent.PAYMENT_MISMATCH, intent="pi_e", wrong=["received"])
    erase(f"{name}@mail.example")
    with sessions() as session:
        made = session.scalars(select(Order)).one()
        assert [(entry.cause, entry.detail) for entry in made.entries[:3]] == [
            ("refund by ed", detail),
            ("refund by ed", {"lines": lines, "tracking": None}),
            ("refund by ed", {"intent": "pi_e", "wrong": ["received"]}),
        ]


@pytest.mark.parametrize("typed", ["ada@b\u00fccher.example", "ADA@XN--BCHER-KVA.example"])
def test_both_forms_of_a_domain_are_one_customer(sessions, engine, erase, typed, tmp_path):
    forms = ["ada@b\u00fccher.example", "ada@xn--bcher-kva.example", "Ada@B\u00dcCHER.example"]
    with sessions.begin() as session:
        session.add(sold := book())
        made = [order(sold, email=form, status=OrderStatus.EXPIRED) for form in forms]
        paid = order(sold, email="b@mail.example", status=OrderStatus.PAID)
        session.add_all([*made, paid])
        session.flush()
        for number, form in enumerate(forms):
            mail = NewMail(MailKind.LINK.value, paid.id, paid.number, str(number), form)
            outbox.enqueue(session, mail, NOW)
            session.add(LinkRequest(number=paid.number, email=form, requested_at=NOW))
            (tmp_path / f"{number}.eml").write_text(f"To: <{form}>\n\nHello\n", "utf-8")
    with sessions() as session:
        assert len(export_customer(session, typed)) == 3
    erased = erase(typed)
    assert (len(erased.orders), len(erased.mails)) == (3, 3)
    after = everything(engine)
    assert not [trace for trace in ("b\u00fccher", "xn--bcher") if trace in after]
    assert len(list(find_mail_files(tmp_path, typed))) == 3


def test_an_email_in_the_outbox_and_in_a_folder_counts_once(configure, tmp_path):
    shop = configure(mail__folder=str(tmp_path / "mail")).registry.services
    with shop.sessions.begin() as session:
        session.add(sold := book())
        session.add(made := order(sold, email=ADA, status=OrderStatus.EXPIRED))
        session.flush()
        for reference in ("1", "2"):
            mail = NewMail(MailKind.EXPIRED.value, made.id, made.number, reference, ADA)
            outbox.enqueue(session, mail, NOW)
        first, _second = session.scalars(select(MailRecord.message_id)).all()
    (tmp_path / "mail").mkdir()
    for name, message_id in (("a.eml", first), ("a.eml.part", first), ("b.eml", "older")):
        content = f"To: {ADA}\nMessage-ID: <{message_id}@localhost>\n\nHello\n"
        (tmp_path / "mail" / name).write_text(content)
    assert erase_customer(shop, ADA, CAUSE).mails == 3
    assert list((tmp_path / "mail").iterdir()) == []


def test_later_payment_updates_do_not_restore_the_data(sessions, held, erase, engine):
    erase()
    address = Address(name="Ada Lovelace", line1="12 St James's Square")
    with sessions.begin() as session:
        first = session.scalars(select(Order).where(Order.number == held[0])).one()
        intent = intent_of(first, IntentStatus.SUCCEEDED, charge=charge(address=address))
        sync_payment(session, intent, CAUSE, NOW + timedelta(days=1))
    after = everything(engine)
    assert not [trace for trace in TRACES if trace in after]


# --- files


def test_sqlite_files_hold_no_traces_after_compacting(sqlite_url):
    engine = make_engine(sqlite_url)
    # Some builds of SQLite overwrite deleted data by default.
    event.listen(engine, "connect", lambda each, _: each.execute("PRAGMA secure_delete=OFF"))
    file = Path(sqlite_url.database)

    def files():
        return b"".join(each.read_bytes() for each in file.parent.glob(f"{file.name}*")).lower()

    with make_sessions(engine).begin() as session:
        session.add(sold := book())
        made = [
            order(sold, email=ADA, status=OrderStatus.EXPIRED, session_id=f"v{number}")
            for number in range(40)
        ]
        session.add_all(made)
        session.flush()
        for each in made:
            enqueue_order_email(session, each, MailKind.EXPIRED, "", NOW)
    assert b"lovelace" in files()
    with make_sessions(engine).begin() as session:
        erase_records(TransitionContext(session, CAUSE, NOW), ADA)
    assert compact_database(engine)
    assert b"lovelace" not in files()
    engine.dispose()


def test_compacting_reports_a_reader(sqlite_url, monkeypatch):
    monkeypatch.setattr("bookshop.db.LOCK_WAIT", 0.1)
    engine = make_engine(sqlite_url)
    with engine.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM orders").one()
        with make_sessions(engine).begin() as session:
            session.add(order(book()))
        assert not compact_database(engine)
    assert compact_database(engine)
    engine.dispose()


def test_compacting_reports_a_writer(sqlite_url, monkeypatch):
    monkeypatch.setattr("bookshop.db.LOCK_WAIT", 0.1)
    engine = make_engine(sqlite_url)
    with make_sessions(engine).begin() as session:
        session.add(order(book()))
        session.flush()
        assert not compact_database(engine)
    engine.dispose()


def test_compacting_works_on_every_database(engine):
    assert compact_database(engine)


def test_stored_e_mails_are_found_by_their_recipient(tmp_path):
    for name, to in (("a", f"Ada <{ADA.upper()}>"), ("b", "b@mail.example"), ("c", "")):
        (tmp_path / f"{name}.eml").write_text(f"To: {to}\nSubject: x\n\nDear {ADA}\n")
    assert [(file.name, key) for file, key in find_mail_files(tmp_path, ADA)] == [
        ("a.eml", "a.eml")
    ]
    assert list(find_mail_files(None, ADA)) == []
    assert list(find_mail_files(tmp_path / "none", ADA)) == []
