"""`bookshop events`: what it prints, in words and in JSON, and its exit codes."""

import json

import pytest
from sqlalchemy import text

from bookshop.db import make_engine, make_sessions
from bookshop.webhooks import ledger
from bookshop.webhooks.models import EventStatus
from tests.unit.makers import NOW, book, order
from tests.unit.payments.counterpart import INTENT, answer, refuse
from tests.unit.payments.objects import paid
from tests.unit.webhooks.conftest import NUMBER, about


@pytest.fixture
def sessions(database_url):
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def record(sessions):
    """Writes an event down."""

    def record(event_id="evt_1", status=EventStatus.FAILED, problem=None, **values):
        with sessions.begin() as session:
            found = ledger.take(session, about(event_id, **values), NOW)
            ledger.close(found, status, NOW, problem=problem)

    return record


@pytest.fixture
def placed(sessions):
    with sessions.begin() as session:
        wanted = book("MOSS")
        made = order(wanted, price=INTENT["amount"], number=NUMBER, payment_intent="pi_1")
        session.add_all([wanted, made])


@pytest.fixture
def apply(run, counterpart):
    """Runs `events apply` against a Stripe that answers so."""

    def apply(*words, reply=None):
        if reply:
            counterpart.will(reply)
        return run("events", "apply", *words, stripe__api_base=counterpart.url)

    return apply


def test_no_events(run):
    result = run("events", "list", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"events": []})
    assert run("events", "list").exit_code == 0


def test_events_as_json(run, record):
    record(status=EventStatus.APPLIED, problem="the payment contradicts order K7QM-2X9T-4BCD")

    listed = json.loads(run("events", "list", "--json").stdout)
    shown = json.loads(run("events", "show", "evt_1", "--json").stdout)

    assert listed == {"events": [shown]}
    assert shown == {
        "id": "evt_1",
        "type": "payment_intent.succeeded",
        "status": "applied",
        "created": "2026-06-01T12:00:00+00:00",
        "api_version": "2026-10-28.endive",
        "payment_intent": "pi_1",
        "order": None,
        "deliveries": 1,
        "problem": "the payment contradicts order K7QM-2X9T-4BCD",
        "received_at": "2026-06-01T12:00:00+00:00",
        "applied_at": "2026-06-01T12:00:00+00:00",
    }


def test_events_in_words(run, record):
    record(problem="Stripe gave no answer that helps", intent_id=None, api_version=None)

    listed, shown = run("events", "list").stdout, run("events", "show", "evt_1").stdout

    for said in ("evt_1", "2026-06-01 12:00", "payment_intent.succeeded", "failed", "Stripe gave"):
        assert said in listed
        assert said in shown
    assert "about none of the shop's orders, PaymentIntent none" in shown
    assert "in version none" in shown


def test_events_that_are_asked_for(run, record):
    record("evt_1", EventStatus.IGNORED, kind="charge.refunded")
    record("evt_2", EventStatus.FAILED, kind="charge.dispute.created")
    record("evt_3", EventStatus.FAILED)

    def listed(*words):
        found = json.loads(run("events", "list", "--json", *words).stdout)["events"]
        return {event["id"] for event in found}

    assert listed("--status", "failed") == {"evt_2", "evt_3"}
    assert listed("--type", "charge.") == {"evt_1", "evt_2"}
    assert listed("--status", "failed", "--type", "charge.") == {"evt_2"}
    assert len(listed("--limit", "2")) == 2


@pytest.mark.parametrize("words", [["--status", "lost"], ["--limit", "0"]])
def test_what_cannot_be_asked_for(run, words):
    assert run("events", "list", *words).exit_code == 2


def test_an_event_that_is_not_there(run, apply):
    for result in (run("events", "show", "evt_1", "--json"), apply("evt_1", "--json")):
        assert result.exit_code == 1
        assert result.stderr == "Error: No event evt_1 has been recorded.\n"
        assert result.stdout == ""


@pytest.mark.usefixtures("placed")
def test_an_event_is_applied_again(apply, record):
    record(problem="Stripe gave no answer that helps")

    result = apply("evt_1", reply=answer(paid()))

    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "Event evt_1, payment_intent.succeeded: applied\n"
        f"about order {NUMBER}, PaymentIntent pi_1\n"
    )
    result = apply("evt_1", "--json", reply=answer(paid()))
    assert (result.exit_code, json.loads(result.stdout)["order"]) == (0, NUMBER)


@pytest.mark.usefixtures("placed")
def test_a_contradiction_is_something_to_mend(apply, record):
    record()

    result = apply("evt_1", reply=answer(paid(amount_received=1)))

    assert result.exit_code == 1
    assert f"problem: the payment contradicts order {NUMBER}\n" in result.stdout


def test_an_event_of_nobodys_order_is_something_to_mend(apply, record):
    record()

    result = apply("evt_1", reply=answer(paid()))

    assert result.exit_code == 1
    assert "ignored\nabout none of the shop's orders" in result.stdout


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (refuse(404, "invalid_request_error", "resource_missing"), "no such PaymentIntent: pi_1."),
        (refuse(401, "invalid_request_error"), "Stripe gave no answer that helps: Auth"),
    ],
)
def test_what_stripe_does_not_say_is_said_in_a_sentence(apply, record, reply, said):
    record()

    result = apply("evt_1", reply=reply)

    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_database_of_another_version_is_said(run, empty_url):
    for words in (["list"], ["show", "evt_1"], ["apply", "evt_1"]):
        result = run("events", *words, url=empty_url)
        assert result.exit_code == 1
        assert "bookshop migrate" in result.stderr


def test_nobodys_address_is_in_the_ledger(sessions, record):
    record()
    with sessions() as session:
        (row,) = session.execute(text("SELECT * FROM webhook_events")).mappings()
    assert set(row) == {
        "id",
        "type",
        "created",
        "api_version",
        "intent",
        "order_number",
        "status",
        "deliveries",
        "problem",
        "received_at",
        "applied_at",
    }
