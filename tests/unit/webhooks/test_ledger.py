"""What the ledger lists."""

from datetime import timedelta

import pytest

from bookshop.webhooks import ledger
from bookshop.webhooks.models import EventRecord, EventStatus
from tests.unit.makers import NOW

from .conftest import about


@pytest.fixture
def record(sessions):
    """Writes an event down, the later the higher its number."""

    def record(number, status=EventStatus.APPLIED, kind="payment_intent.succeeded"):
        with sessions.begin() as session:
            now = NOW + timedelta(minutes=number)
            found = ledger.take(session, about(f"evt_{number}", kind), now)
            ledger.close(found, status, now)

    return record


@pytest.fixture
def listed(sessions):
    def listed(*arguments, **named):
        with sessions() as session:
            return [event.id for event in ledger.newest(session, *arguments, **named)]

    return listed


def test_the_newest_come_first_and_no_more_than_asked_for(record, listed):
    for number in (2, 3, 1):
        record(number)

    assert listed(10) == ["evt_3", "evt_2", "evt_1"]
    assert listed(2) == ["evt_3", "evt_2"]


def test_events_are_found_by_status(record, listed):
    for number, status in enumerate(EventStatus):
        record(number, status)

    assert [listed(10, status) for status in EventStatus] == [["evt_0"], ["evt_1"], ["evt_2"]]


def test_events_are_found_by_how_their_type_begins(record, listed):
    record(1, kind="charge.dispute.created")
    record(2, kind="charge.refunded")
    record(3, kind="chargeXdispute")

    assert listed(10, kind="charge.") == ["evt_2", "evt_1"]
    assert listed(10, kind="charge.dispute.created") == ["evt_1"]
    assert listed(10, kind="%") == []


def test_an_event_that_was_taken_and_not_closed_has_failed(sessions):
    with sessions.begin() as session:
        assert ledger.take(session, about(), NOW) is not None

    with sessions.begin() as session:
        found = ledger.by_id(session, "evt_1")
        assert (found.status, found.deliveries) == (EventStatus.FAILED, 1)
        assert not ledger.done_before(session, "evt_1")
        assert ledger.take(session, about(), NOW).deliveries == 2


@pytest.mark.parametrize("status", [EventStatus.APPLIED, EventStatus.IGNORED])
def test_an_event_that_is_done_cannot_be_taken(sessions, record, status):
    record(1, status)

    with sessions.begin() as session:
        assert ledger.done_before(session, "evt_1")
        assert ledger.take(session, about(), NOW) is None

    with sessions.begin() as session:
        assert ledger.by_id(session, "evt_1").deliveries == 3


def test_an_event_that_never_came_is_not_done(sessions):
    with sessions.begin() as session:
        assert not ledger.done_before(session, "evt_1")
        assert ledger.by_id(session, "evt_1") is None


def test_the_database_itself_keeps_no_unknown_status():
    with pytest.raises(ValueError, match="lost"):
        EventRecord(status="lost")
