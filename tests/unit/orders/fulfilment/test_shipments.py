"""Shipments: copies are shipped once, for a paid order, and the customer gets an e-mail."""

import pytest
from sqlalchemy import select

from bookshop.catalogue.models import BookRecord
from bookshop.inventory.reservations import sell_reserved
from bookshop.mail.models import MailRecord
from bookshop.money import Money
from bookshop.orders.audit import Cause, TransitionContext
from bookshop.orders.fulfilment.shipments import CannotShipError, ShipmentRequest, ship
from bookshop.orders.models import AuditEntry, DisputeRecord, Order
from bookshop.orders.queries import NoSuchOrderError, lock_order
from bookshop.orders.refund_records import record_stripe_refunds
from bookshop.orders.refunds.requests import request_refund
from bookshop.orders.states import SHIPPABLE, Actor, OrderStatus
from bookshop.orders.transitions import update_status
from bookshop.payments.charges import RefundStatus
from tests.unit.makers import NOW, book, order, refund

STAFF = Cause(Actor.STAFF, "orders ship by ada")
STRIPE = Cause(Actor.STRIPE, "evt_1")
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
        "lines": [
            {"sku": made.lines[0].sku, "title": "One", "quantity": 2},
            {"sku": made.lines[1].sku, "title": "Two", "quantity": 2},
        ],
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


# --- refunds


@pytest.fixture
def sold(session):
    """A paid order of two copies of ONE, the last of five; TWO has two of two copies."""
    one, two = book("ONE", title="One", stock=5), book("TWO", title="Two", stock=2)
    made = order(one, two, quantity=2, status=OrderStatus.PAID, email="reader@example.com")
    session.add_all([one, two, made])
    session.flush()
    assert sell_reserved(session, made)
    return made


def ask_refund(session, made, amount, *, restock):
    context = TransitionContext(session, STAFF, NOW)
    return request_refund(context, made, Money(amount, "GBP"), restock=restock).key


def answer(session, made, key, amount, status=RefundStatus.SUCCEEDED):
    context = TransitionContext(session, STRIPE, NOW)
    report = refund(amount, status, reference=key, id=f"re_{key}")
    record_stripe_refunds(context, made, [report])
    update_status(context, made)


def stocks(session):
    return dict(session.execute(select(BookRecord.sku, BookRecord.stock)).all())


@pytest.mark.parametrize("restock", [False, True])
@pytest.mark.parametrize("copies", [{}, {"ONE": None}, {"TWO": 1}])
def test_requested_full_refund_prevents_every_shipment(session, sold, copies, restock):
    ask_refund(session, sold, sold.total, restock=restock)
    with pytest.raises(CannotShipError) as refused:
        send(session, sold, ShipmentRequest(copies, despite_warning=True))
    assert refused.value.code == "refund_requested"
    assert [line.shipped for line in sold.lines] == [0, 0]


def test_requested_refunds_and_executed_ones_count_together(session, sold):
    answer(session, sold, ask_refund(session, sold, 1000, restock=False), 1000)
    assert sold.status == OrderStatus.PARTLY_REFUNDED
    ask_refund(session, sold, sold.total - 1000, restock=False)
    with pytest.raises(CannotShipError) as refused:
        send(session, sold)
    assert refused.value.code == "refund_requested"


def test_requested_return_to_stock_prevents_shipping_whatever_its_amount(session, sold):
    ask_refund(session, sold, 100, restock=True)
    with pytest.raises(CannotShipError) as refused:
        send(session, sold, ShipmentRequest({"TWO": None}))
    assert refused.value.code == "refund_requested"


def test_goodwill_does_not_prevent_shipping(session, sold):
    ask_refund(session, sold, 100, restock=False)
    assert send(session, sold) == [("ONE", 2), ("TWO", 2)]


def test_goodwill_that_restocks_leaves_no_copy_too_many_after_shipping(session, sold):
    answer(session, sold, ask_refund(session, sold, 100, restock=True), 100)
    assert stocks(session) == {"ONE": 5, "TWO": 2}
    assert send(session, sold, ShipmentRequest({"ONE": 1})) == [("ONE", 1)]
    assert stocks(session) == {"ONE": 4, "TWO": 2}
    send(session, sold)
    assert stocks(session) == {"ONE": 3, "TWO": 0}
    taken = select(AuditEntry.detail).where(AuditEntry.event == "taken_from_stock")
    assert list(session.scalars(taken.order_by(AuditEntry.id))) == [
        {"lines": [{"sku": "ONE", "quantity": 1}]},
        {"lines": [{"sku": "ONE", "quantity": 1}, {"sku": "TWO", "quantity": 2}]},
    ]


def test_copies_restocked_by_a_refund_that_failed_are_taken_again(session, sold):
    key = ask_refund(session, sold, sold.total, restock=True)
    answer(session, sold, key, sold.total, RefundStatus.PENDING)
    assert (sold.status, stocks(session)) == (OrderStatus.REFUNDED, {"ONE": 5, "TWO": 2})
    answer(session, sold, key, sold.total, RefundStatus.FAILED)
    assert sold.status == OrderStatus.PAID
    send(session, sold)
    assert (sold.status, stocks(session)) == (OrderStatus.SHIPPED, {"ONE": 3, "TWO": 0})


def test_restocked_copies_that_were_sold_since_are_not_shipped(session, sold):
    key = ask_refund(session, sold, sold.total, restock=True)
    answer(session, sold, key, sold.total, RefundStatus.PENDING)
    answer(session, sold, key, sold.total, RefundStatus.FAILED)
    session.scalars(select(BookRecord).filter_by(sku="TWO")).one().reserved = 1
    session.flush()
    with pytest.raises(CannotShipError, match="Two") as refused:
        send(session, sold)
    assert refused.value.code == "restocked"
    assert (sold.status, stocks(session)) == (OrderStatus.PAID, {"ONE": 5, "TWO": 2})
    assert [line.restocked for line in sold.lines] == [2, 2]
    assert send(session, sold, ShipmentRequest({"ONE": None, "TWO": 1}))
    assert stocks(session) == {"ONE": 3, "TWO": 1}


def test_returned_copies_are_restocked_once(session, sold):
    send(session, sold, ShipmentRequest({"ONE": 1}))
    first = ask_refund(session, sold, 100, restock=True)
    answer(session, sold, first, 100)
    assert stocks(session) == {"ONE": 5, "TWO": 2}
    send(session, sold)  # the one that came back stays
    assert stocks(session) == {"ONE": 4, "TWO": 0}
    for status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED):
        second = f"{sold.number}/1"
        if status is RefundStatus.PENDING:
            second = ask_refund(session, sold, 100, restock=True)
        answer(session, sold, second, 100, status)
        assert stocks(session) == {"ONE": 5, "TWO": 2}


def test_a_copy_is_refunded_or_shipped_in_every_interleaving(sessions, together):
    with sessions.begin() as session:
        item = book("ONE", stock=1)
        made = order(item, status=OrderStatus.PAID)
        session.add_all([item, made])
        session.flush()
        assert sell_reserved(session, made)
        number, total = made.number, made.total

    def work(action):
        with sessions.begin() as session:
            mine = lock_order(session, number)
            if action == "ship":
                return send(session, mine)
            if any(line.shipped for line in mine.lines):
                return "shipped before"
            return ask_refund(session, mine, total, restock=True)

    shipped, requested = together(work, ["ship", "refund"])
    if shipped == [("ONE", 1)]:
        assert requested == "shipped before"
    else:
        assert (shipped.code, requested) == ("refund_requested", f"{number}/0")
