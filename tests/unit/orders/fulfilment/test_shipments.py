"""Shipments: copies are shipped once, for a paid order, and the customer gets an e-mail."""

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


def send(session, made, request=EVERYTHING):
    shipped = ship(TransitionContext(session, STAFF, NOW), made, request)
    session.flush()
    return [(each.sku, each.quantity) for each in shipped]


def shipments(session):
    query = select(AuditEntry).where(AuditEntry.event == "items_shipped")
    return [entry.detail for entry in session.scalars(query.order_by(AuditEntry.id))]


def mails(session):
    return [mail.detail for mail in session.scalars(select(MailRecord).order_by(MailRecord.id))]


def test_shipment_is_recorded_and_the_customer_gets_an_email(session):
    made = placed(session)
    assert send(session, made, ShipmentRequest({}, "RM123")) == [("ONE", 2), ("TWO", 2)]
    assert made.status == OrderStatus.SHIPPED
    detail = {
        "lines": [{"title": "One", "quantity": 2}, {"title": "Two", "quantity": 2}],
        "tracking": "RM123",
    }
    assert shipments(session) == [detail]
    assert mails(session) == [detail]
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert {(entry.actor, entry.cause) for entry in entries} == {("staff", "orders ship by ada")}
    assert [entry.to_status for entry in entries] == [None, "shipped"]


def test_order_is_shipped_in_several_parcels(session):
    made = placed(session)
    assert send(session, made, ShipmentRequest({"ONE": 1})) == [("ONE", 1)]
    assert made.status == OrderStatus.PARTLY_SHIPPED
    assert send(session, made, ShipmentRequest({"ONE": None, "TWO": 1})) == [("ONE", 1), ("TWO", 1)]
    assert made.status == OrderStatus.PARTLY_SHIPPED
    assert send(session, made) == [("TWO", 1)]
    assert made.status == OrderStatus.SHIPPED
    assert len(mails(session)) == 3
    with pytest.raises(CannotShipError) as refused:
        send(session, made)
    assert refused.value.code == "all_shipped"
    assert len(mails(session)) == 3


def test_equal_shipments_are_separate_emails(session):
    made = placed(session)
    for _ in range(2):
        send(session, made, ShipmentRequest({"ONE": 1}))
    first, second = mails(session)
    assert first == second


@pytest.mark.parametrize(
    ("copies", "code", "data"),
    [
        ({"ONE": 3}, "too_many", "2 of ONE"),
        ({"ONE": None, "TWO": 3}, "too_many", "2 of TWO"),
        ({"SIX": None}, "not_in_order", "SIX"),
    ],
)
def test_copies_outside_the_order_are_refused(session, copies, code, data):
    made = placed(session)
    with pytest.raises(CannotShipError, match=data) as refused:
        send(session, made, ShipmentRequest(copies))
    assert refused.value.code == code
    assert [line.shipped for line in made.lines] == [0, 0]
    assert mails(session) == []


def test_shipped_copies_are_not_shipped_again(session):
    made = placed(session)
    send(session, made, ShipmentRequest({"ONE": None}))
    with pytest.raises(CannotShipError, match="ONE") as refused:
        send(session, made, ShipmentRequest({"ONE": None}))
    assert refused.value.code == "line_shipped"


def test_shipping_only_e_books_delivers_the_order(session):
    made = placed(session)
    for line in made.lines:
        line.digital = True
    send(session, made)
    assert made.status == OrderStatus.DELIVERED


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - SHIPPABLE))
def test_nothing_is_shipped_without_payment(session, status):
    made = placed(session, status=status)
    with pytest.raises(CannotShipError, match=status.value.replace("_", " ")) as refused:
        send(session, made, ShipmentRequest({}, despite_warning=True))
    assert refused.value.code == "status"


@pytest.mark.parametrize(
    ("refunded", "dispute", "status"),
    [(1, None, OrderStatus.PARTLY_REFUNDED), (0, "won", OrderStatus.DISPUTE_WON)],
)
def test_refund_and_dispute_statuses_persist_after_shipping(session, refunded, dispute, status):
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


def test_out_of_stock_order_cannot_be_shipped(session):
    made = placed(session, out_of_stock=True)
    with pytest.raises(CannotShipError) as refused:
        send(session, made, ShipmentRequest({}, despite_warning=True))
    assert refused.value.code == "out_of_stock"


@pytest.mark.parametrize(
    ("warning", "code"),
    [
        ({"under_review": True}, "under_review"),
        ({"fraud_warned_at": NOW}, "fraud_warning"),
        ({"payment_mismatch": True}, "payment_mismatch"),
    ],
)
def test_warning_prevents_shipping_unless_overridden(session, warning, code):
    made = placed(session, **warning)
    with pytest.raises(CannotShipError, match="--despite-warning") as refused:
        send(session, made)
    assert refused.value.code == code
    assert send(session, made, ShipmentRequest({}, despite_warning=True))


def test_concurrent_shipments_ship_once(sessions, together):
    with sessions.begin() as session:
        number = placed(session).number

    def send_all(_):
        with sessions.begin() as session:
            return send(session, lock_order(session, number))

    results = together(send_all, range(4))
    assert results.count([("ONE", 2), ("TWO", 2)]) == 1
    assert [type(each) for each in results].count(CannotShipError) == 3
    with sessions() as session:
        made = session.scalars(select(Order)).one()
        assert [line.shipped for line in made.lines] == [2, 2]
        assert len(mails(session)) == len(shipments(session)) == 1


def test_lock_order_accepts_any_notation_of_the_number(session):
    number = placed(session).number
    assert lock_order(session, number.lower().replace("-", " ")).number == number
    with pytest.raises(NoSuchOrderError, match="K7QM"):
        lock_order(session, "K7QM")
