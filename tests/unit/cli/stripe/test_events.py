"""`bookshop events`: text and JSON output, and exit codes."""

import json

import pytest
from sqlalchemy import text

from bookshop.db import make_engine, make_sessions
from bookshop.webhooks import ledger
from bookshop.webhooks.models import EventStatus
from tests.unit.makers import NOW, book, order
from tests.unit.payments.fake_stripe import INTENT, answer, refuse
from tests.unit.payments.objects import paid
from tests.unit.webhooks.conftest import NUMBER, about


@pytest.fixture
def sessions(database_url):
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def record(sessions):
    """Records an event."""

    def record(event_id="evt_1", status=EventStatus.FAILED, problem=None, **values):
        with sessions.begin() as session:
            found = ledger.begin(session, about(event_id, **values), NOW)
            ledger.finish(found, status, NOW, problem=problem)

    return record


@pytest.fixture
def placed(sessions):
    with sessions.begin() as session:
        wanted = book("MOSS")
        made = order(wanted, price=INTENT["amount"], number=NUMBER, payment_intent="pi_1")
        session.add_all([wanted, made])


@pytest.fixture
def apply(run, fake_stripe):
    """Runs `events apply` with a given answer from Stripe."""

    def apply(*words, reply=None):
        if reply:
            fake_stripe.reply_with(reply)
        return run("events", "apply", *words, stripe__api_base=fake_stripe.url)

    return apply


@pytest.mark.parametrize("problem", ["[/b] and [sic]", "[bold]:skull:"])
def test_a_problem_that_looks_like_markup_is_text(run, record, problem):
    record(problem=problem)
    for words in (("list",), ("show", "evt_1")):
        result = run("events", *words)
        assert result.exit_code == 0, result.output
        assert problem in result.stdout


def test_no_events(run):
    result = run("events", "list", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"events": []})
    assert run("events", "list").exit_code == 0


def test_events_as_json(run, record):
    record(status=EventStatus.APPLIED, problem="problem 1")

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
        "problem": "problem 1",
        "received_at": "2026-06-01T12:00:00+00:00",
        "applied_at": "2026-06-01T12:00:00+00:00",
    }


def test_event_texts(run, record):
    record(problem="Stripe did not respond", intent_id=None, api_version=None)

    listed, shown = run("events", "list").stdout, run("events", "show", "evt_1").stdout

    for value in ("evt_1", "2026-06-01 12:00", "payment_intent.succeeded", "failed", "Stripe did"):
        assert value in listed
        assert value in shown
    assert {"Order: none", "PaymentIntent: none", "API version: none"} <= set(shown.splitlines())


def test_a_narrow_terminal_cuts_no_event(run, record):
    event_id = "evt_1QxVt2LkdIwHu7ixWmPr0A7z"
    record(event_id, problem="[a text in brackets] " * 5)

    listed = run("events", "list", columns="40").stdout

    assert event_id in listed
    assert ("[a text in brackets] " * 5).strip() in listed


def test_events_are_filtered(run, record):
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
def test_invalid_filters(run, words):
    assert run("events", "list", *words).exit_code == 2


def test_an_unknown_event(run, apply):
    for result in (run("events", "show", "evt_1", "--json"), apply("evt_1", "--json")):
        assert result.exit_code == 1
        assert "evt_1" in result.stderr
        assert result.stdout == ""


@pytest.mark.usefixtures("placed")
def test_an_event_is_applied_again(apply, record):
    record(problem="Stripe did not respond")

    result = apply("evt_1", reply=answer(paid()))

    assert result.exit_code == 0, result.output
    for value in ("evt_1", "payment_intent.succeeded", "applied", NUMBER, "pi_1"):
        assert value in result.stdout
    assert len(result.stdout.splitlines()) == 3
    result = apply("evt_1", "--json", reply=answer(paid()))
    assert (result.exit_code, json.loads(result.stdout)["order"]) == (0, NUMBER)


@pytest.mark.usefixtures("placed")
def test_a_payment_mismatch_is_exit_code_1(run, apply, record):
    record()

    result = apply("evt_1", reply=answer(paid(amount_received=1)))

    assert result.exit_code == 1
    assert NUMBER in result.stdout
    shown = json.loads(run("events", "show", "evt_1", "--json").stdout)
    assert shown["status"] == "applied"
    assert NUMBER in shown["problem"]


def test_an_event_without_an_order_is_exit_code_1(apply, record):
    record()

    result = apply("evt_1", "--json", reply=answer(paid()))

    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert (shown["status"], shown["order"]) == ("ignored", None)


@pytest.mark.usefixtures("placed")
@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            refuse(404, "invalid_request_error", "resource_missing"),
            "pi_1",
        ),
        (refuse(401, "invalid_request_error"), "Auth"),
    ],
)
def test_an_error_at_stripe_is_reported_without_a_traceback(apply, record, reply, said):
    record()

    result = apply("evt_1", reply=reply)

    assert result.exit_code == 1
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_database_of_another_version_is_reported(run, empty_url):
    for words in (["list"], ["show", "evt_1"], ["apply", "evt_1"]):
        result = run("events", *words, url=empty_url)
        assert result.exit_code == 1
        assert "sqlalchemy.url" in result.stderr


def test_the_ledger_stores_no_personal_data(sessions, record):
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
