"""The ledger: its lists, and which deliveries may apply an event."""

from datetime import timedelta

import pytest

from bookshop.webhooks import ledger
from bookshop.webhooks.models import EventRecord, EventStatus
from tests.unit.makers import NOW

from .conftest import about


@pytest.fixture
def record(sessions):
    """Records an event; a higher number is received later."""

    def record(number, status=EventStatus.APPLIED, kind="payment_intent.succeeded"):
        with sessions.begin() as session:
            now = NOW + timedelta(minutes=number)
            found = ledger.begin(session, about(f"evt_{number}", kind), now)
            ledger.finish(found, status, now)

    return record


@pytest.fixture
def listed(sessions):
    def listed(*arguments, **named):
        with sessions() as session:
            return [event.id for event in ledger.list_events(session, *arguments, **named)]

    return listed


def test_the_newest_events_come_first_up_to_the_limit(record, listed):
    for number in (2, 3, 1):
        record(number)

    assert listed(10) == ["evt_3", "evt_2", "evt_1"]
    assert listed(2) == ["evt_3", "evt_2"]


def test_events_are_found_by_status(record, listed):
    for number, status in enumerate(EventStatus):
        record(number, status)

    assert [listed(10, status) for status in EventStatus] == [["evt_0"], ["evt_1"], ["evt_2"]]


def test_events_are_found_by_the_prefix_of_their_type(record, listed):
    record(1, kind="charge.dispute.created")
    record(2, kind="charge.refunded")
    record(3, kind="chargeXdispute")

    assert listed(10, type_prefix="charge.") == ["evt_2", "evt_1"]
    assert listed(10, type_prefix="charge.dispute.created") == ["evt_1"]
    assert listed(10, type_prefix="%") == []


def test_an_event_that_is_begun_and_not_finished_has_failed(sessions):
    with sessions.begin() as session:
        assert ledger.begin(session, about(), NOW) is not None

    with sessions.begin() as session:
        found = ledger.find_event(session, "evt_1")
        assert (found.status, found.deliveries) == (EventStatus.FAILED, 1)
        assert not ledger.count_redelivery(session, "evt_1")
        assert ledger.begin(session, about(), NOW).deliveries == 2


@pytest.mark.parametrize("status", [EventStatus.APPLIED, EventStatus.IGNORED])
def test_an_event_that_is_finished_cannot_be_begun_again(sessions, record, status):
    record(1, status)

    with sessions.begin() as session:
        assert ledger.count_redelivery(session, "evt_1")
        assert ledger.begin(session, about(), NOW) is None

    with sessions.begin() as session:
        assert ledger.find_event(session, "evt_1").deliveries == 3


def test_an_event_that_was_not_received_is_no_redelivery(sessions):
    with sessions.begin() as session:
        assert not ledger.count_redelivery(session, "evt_1")
        assert ledger.find_event(session, "evt_1") is None


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="lost"):
        EventRecord(status="lost")
