"""An order with its PaymentIntent, and deliveries of events about it."""

import pytest

from bookshop.orders.models import Order
from bookshop.payments.webhook_signatures import Event
from bookshop.webhooks import ledger
from bookshop.webhooks.handlers import handle_event
from tests.unit.makers import NOW, book, order
from tests.unit.payments.fake_stripe import INTENT

NUMBER = INTENT["metadata"]["order"]
STOCK = 5


def about(event_id="evt_1", kind="payment_intent.succeeded", **values) -> Event:
    """An event of the PaymentIntent that the order knows, except for `values`."""
    filled = {
        "livemode": False,
        "object_id": "pi_1",
        "intent_id": "pi_1",
        "reference": NUMBER,
        "created": NOW,
        "api_version": "2026-10-28.endive",
    }
    return Event(id=event_id, type=kind, **{**filled, **values})


@pytest.fixture
def gateway(make_gateway):
    return make_gateway(max_concurrency=20)


@pytest.fixture
def placed(sessions):
    """An order of one copy that awaits its payment."""
    with sessions.begin() as session:
        wanted = book("MOSS", stock=STOCK, prices={"GBP": INTENT["amount"]})
        made = order(
            wanted,
            price=INTENT["amount"],
            number=NUMBER,
            payment_intent="pi_1",
            email="ada@reader.example",
        )
        session.add_all([wanted, made])


@pytest.fixture
def deliver(sessions, gateway):
    """Has the shop handle an event."""
    return lambda event: handle_event(sessions, gateway, event)


@pytest.fixture
def recorded(sessions):
    """Returns an event from the ledger."""

    def find(event_id="evt_1"):
        with sessions() as session:
            return ledger.find_event(session, event_id)

    return find


@pytest.fixture
def change(sessions):
    """Changes the order directly in the database."""

    def change(**values):
        with sessions.begin() as session:
            found = session.query(Order).one()
            for name, value in values.items():
                setattr(found, name, value)

    return change


@pytest.fixture
def state(sessions):
    """The order's status, its copies sold, its transitions to paid, its e-mails."""

    def read():
        with sessions() as session:
            found = session.query(Order).one()
            counts = [
                "SELECT stock FROM books",
                "SELECT count(*) FROM order_entries WHERE to_status = 'paid'",
                "SELECT count(*) FROM mails",
            ]
            connection = session.connection()
            stock, moves, mails = (
                connection.exec_driver_sql(count).scalar_one() for count in counts
            )
            return found.status, STOCK - stock, moves, mails

    return read


PAID = ("paid", 1, 1, 1)
UNPAID = ("awaiting_payment", 0, 0, 0)
