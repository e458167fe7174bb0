"""Copies are sent once, for money that is there, and the customer is told."""

import pytest
from sqlalchemy import select

from bookshop.mail.models import MailRecord
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.fulfilment.shipments import CannotShipError, ShipmentRequest, ship
from bookshop.orders.models import AuditEntry, DisputeRecord, Order
from bookshop.orders.queries import NoSuchOrderError, lock_order
from bookshop.orders.states import SHIPPABLE, Actor, OrderStatus
from tests.unit.makers import NOW, book, order

STAFF = Cause(Actor.STAFF, "orders ship by ada")
EVERYTHING = ShipmentRequest({})


@pytest.fixture
def session(sessions):
    with sessions() as session:
        yield session


def placed(session, **values):
    """A paid order of two copies of ONE and two of TWO."""
    made = order(
        book("ONE", title="One"),
        book("TWO", title="Two"),
        quantity=2,
        **{"status": OrderStatus.PAID, "email": "reader@example.com", **values},
    )
    session.add(made)
    session.flush()
    return made


def send(session, made, parcel=EVERYTHING):
    sent = ship(TransitionContext(session, STAFF, NOW), made, parcel)
    session.flush()
    return [(each.sku, each.quantity) for each in sent]


def shipments(session):
    wanted = select(AuditEntry).where(AuditEntry.event == "items_shipped")
    return [entry.detail for entry in session.scalars(wanted.order_by(AuditEntry.id))]


def mails(session):
    return [mail.detail for mail in session.scalars(select(MailRecord).order_by(MailRecord.id))]


def test_everything_is_sent_told_and_written_down(session):
    made = placed(session)
    assert send(session, made, ShipmentRequest({}, "RM123")) == [("ONE", 2), ("TWO", 2)]
    assert made.status == OrderStatus.SHIPPED
    told = {
        "lines": [{"title": "One", "quantity": 2}, {"title": "Two", "quantity": 2}],
        "tracking": "RM123",
    }
    assert shipments(session) == [told]
    assert mails(session) == [told]
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert {(entry.actor, entry.cause) for entry in entries} == {("staff", "orders ship by ada")}
    assert [entry.to_status for entry in entries] == [None, "shipped"]


def test_parcel_after_parcel_until_all_is_sent(session):
    made = placed(session)
    assert send(session, made, ShipmentRequest({"ONE": 1})) == [("ONE", 1)]
    assert made.status == OrderStatus.PARTLY_SHIPPED
    assert send(session, made, ShipmentRequest({"ONE": None, "TWO": 1})) == [("ONE", 1), ("TWO", 1)]
    assert made.status == OrderStatus.PARTLY_SHIPPED
    assert send(session, made) == [("TWO", 1)]
    assert made.status == OrderStatus.SHIPPED
    assert len(mails(session)) == 3
    with pytest.raises(CannotShipError, match="Everything in this order has been shipped"):
        send(session, made)
    assert len(mails(session)) == 3


def test_two_parcels_alike_are_two_mails(session):
    made = placed(session)
    for _ in range(2):
        send(session, made, ShipmentRequest({"ONE": 1}))
    first, second = mails(session)
    assert first == second


@pytest.mark.parametrize(
    ("copies", "why"),
    [
        ({"ONE": 3}, "Only 2 of ONE"),
        ({"ONE": None, "TWO": 3}, "Only 2 of TWO"),
        ({"SIX": None}, "SIX is not part of this order"),
    ],
)
def test_what_is_not_in_the_order_is_not_sent(session, copies, why):
    made = placed(session)
    with pytest.raises(CannotShipError, match=why):
        send(session, made, ShipmentRequest(copies))
    assert [line.shipped for line in made.lines] == [0, 0]
    assert mails(session) == []


def test_what_has_been_sent_is_not_sent_again(session):
    made = placed(session)
    send(session, made, ShipmentRequest({"ONE": None}))
    with pytest.raises(CannotShipError, match="All copies of ONE have been shipped"):
        send(session, made, ShipmentRequest({"ONE": None}))


def test_e_books_are_delivered(session):
    made = placed(session)
    for line in made.lines:
        line.digital = True
    send(session, made)
    assert made.status == OrderStatus.DELIVERED


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - SHIPPABLE))
def test_nothing_is_sent_without_money(session, status):
    made = placed(session, status=status)
    with pytest.raises(CannotShipError, match=status.value.replace("_", " ")):
        send(session, made, ShipmentRequest({}, despite_warning=True))


@pytest.mark.parametrize(
    ("refunded", "dispute", "status"),
    [(1, None, OrderStatus.PARTLY_REFUNDED), (0, "won", OrderStatus.DISPUTE_WON)],
)
def test_what_became_of_the_money_outlives_the_sending(session, refunded, dispute, status):
    made = placed(session, status=status, refunded=refunded)
    if dispute:
        session.add(
            DisputeRecord(
                order_id=made.id,
                stripe_id="du_1",
                amount=1,
                reason="general",
                status=dispute,
                opened_at=NOW,
            )
        )
    send(session, made)
    assert made.status == status
    assert len(mails(session)) == 1


def test_what_is_not_there_is_not_sent_at_all(session):
    made = placed(session, out_of_stock=True)
    with pytest.raises(CannotShipError, match="out of stock"):
        send(session, made, ShipmentRequest({}, despite_warning=True))


@pytest.mark.parametrize(
    ("doubt", "why"),
    [
        ({"under_review": True}, "advises to review"),
        ({"fraud_warned_at": NOW}, "suspects fraud"),
        ({"payment_mismatch": True}, "does not match"),
    ],
)
def test_a_doubt_stops_the_sending_unless_somebody_insists(session, doubt, why):
    made = placed(session, **doubt)
    with pytest.raises(CannotShipError, match=f"{why}.*--despite-warning"):
        send(session, made)
    assert send(session, made, ShipmentRequest({}, despite_warning=True))


def test_of_many_who_send_at_once_one_does(sessions, together):
    with sessions.begin() as session:
        number = placed(session).number

    def send_it(_):
        with sessions.begin() as session:
            return send(session, lock_order(session, number))

    results = together(send_it, range(4))
    assert results.count([("ONE", 2), ("TWO", 2)]) == 1
    assert [type(each) for each in results].count(CannotShipError) == 3
    with sessions() as session:
        made = session.scalars(select(Order)).one()
        assert [line.shipped for line in made.lines] == [2, 2]
        assert len(mails(session)) == len(shipments(session)) == 1


def test_an_order_is_found_however_its_number_is_written(session):
    number = placed(session).number
    assert lock_order(session, number.lower().replace("-", " ")).number == number
    with pytest.raises(NoSuchOrderError, match="There is no order K7QM"):
        lock_order(session, "K7QM")
