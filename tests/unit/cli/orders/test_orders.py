"""`bookshop orders show` and `ship`, and options that several commands share."""

import json
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from bookshop import clock
from bookshop.cli import main
from bookshop.cli.orders.reconcile import Since
from bookshop.cli.shop import current_user
from bookshop.mail.models import MailRecord
from bookshop.orders.audit import AuditEvent, Cause, TransitionContext, record_event
from bookshop.orders.models import AuditEntry, DisputeRecord, Order, RefundRecord
from bookshop.orders.states import MEANINGS, Actor, OrderStatus
from tests.unit.makers import NOW, book, order


@pytest.fixture
def number(sessions):
    """The number of a paid order for two copies of A and of B."""
    with sessions.begin() as session:
        made = order(
            book("A", title="One"),
            book("B", title="Two"),
            quantity=2,
            status=OrderStatus.PAID,
            email="ada@mail.example",
            placed_at=NOW,
            paid_at=NOW,
        )
        session.add(made)
        session.flush()
        return made.number


def mails(sessions):
    with sessions() as session:
        return [mail.detail for mail in session.scalars(select(MailRecord))]


def test_a_whole_order_is_shipped_and_mailed_once(run, sessions, number, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    result = run("orders", "ship", number, "--tracking", "RM 1")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"2 x One (A)\n2 x Two (B)\nOrder {number}: shipped\n"
    (mail,) = mails(sessions)
    assert mail["tracking"] == "RM 1"
    again = run("orders", "ship", number)
    assert (again.exit_code, again.stdout) == (1, "")
    assert len(mails(sessions)) == 1
    with sessions() as session:
        causes = {entry.cause for entry in session.scalars(select(AuditEntry))}
    assert causes == {"orders ship by ada"}
    shown = run("orders", "show", number).stdout
    assert "  2 x One (A) £19.98, 2 shipped\n" in shown
    assert "-> shipped by staff (orders ship by ada)" in shown
    assert "tracking RM 1" in shown


def test_single_books_and_quantities_are_shipped(run, number):
    result = run("orders", "ship", number.lower(), "--sku", "A:1", "--sku", "B")
    assert result.stdout == f"1 x One (A)\n2 x Two (B)\nOrder {number}: partly_shipped\n"
    assert "1 x One (A)" in run("orders", "ship", number).stdout


@pytest.mark.parametrize("sku", ["A:0", "A:-1", "A:x", "A:", "A:1.5", "A:\u0661"])
def test_an_invalid_quantity_is_wrong_usage(run, sessions, number, sku):
    result = run("orders", "ship", number, "--sku", sku)
    assert result.exit_code == 2
    assert "--sku" in result.stderr
    assert mails(sessions) == []


def test_a_book_named_twice_is_wrong_usage(run, number):
    assert run("orders", "ship", number, "--sku", "A:1", "--sku", "A:1").exit_code == 2


def test_a_warning_names_the_option_that_overrides_it(run, sessions, number):
    with sessions.begin() as session:
        session.execute(update(Order).values(fraud_warned_at=NOW))
    result = run("orders", "ship", number)
    assert result.exit_code == 1
    assert "--despite-warning" in result.stderr
    assert run("orders", "ship", number, "--despite-warning").exit_code == 0


def test_an_unknown_order_is_not_shipped(run):
    result = run("orders", "ship", "K7QM-2X9T-4BCQ")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "K7QM-2X9T-4BCQ" in result.stderr


def test_an_order_is_shown_with_its_history(run, sessions, number):
    with sessions.begin() as session:
        made = session.scalars(select(Order)).one()
        made.under_review = True
        made.refunded = 500
        cause = Cause(Actor.STAFF, "refund by ada")
        record_event(
            TransitionContext(session, cause, NOW), made, AuditEvent.REFUND_REQUESTED, amount=500
        )
        session.add_all(
            [
                RefundRecord(
                    order_id=made.id,
                    key="K/0",
                    amount=500,
                    status="refused",
                    problem="too much",
                    requested_at=NOW,
                ),
                DisputeRecord(
                    order_id=made.id,
                    stripe_id="du_1",
                    amount=999,
                    reason="general",
                    status="won",
                    opened_at=NOW,
                ),
            ]
        )
    shown = run("orders", "show", number).stdout
    for line in (
        f"  {MEANINGS[OrderStatus.PAID]}",
        "Flags: under_review",
        "Paid 2026-06-01 12:00 UTC, refunded £5.00",
        "Refund K/0: £5.00 refused: too much",
        "Dispute du_1: £9.99 won (general)",
        "2026-06-01 12:00 UTC refund_requested by staff (refund by ada), amount 500",
    ):
        assert f"{line}\n" in shown
    assert "under_review" in run("orders", "list").stdout


def test_orders_of_one_status(run, number):
    assert number in run("orders", "list", "--status", "paid").stdout
    assert number not in run("orders", "list", "--status", "shipped").stdout
    assert run("orders", "list", "--status", "lost").exit_code == 2


# --- shared by several commands


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30d", NOW - timedelta(days=30)),
        ("0d", NOW),
        ("2026-05-31", datetime(2026, 5, 31)),  # noqa: DTZ001 - in the shop's zone
    ],
)
def test_since_is_a_day_or_a_number_of_days(monkeypatch, text, moment):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert Since().convert(text, None, None) == moment


def test_days_and_times_are_those_of_the_shop(run, number):
    in_los_angeles = {
        "bookshop__timezone": "America/Los_Angeles",
        "stripe__api_base": "http://127.0.0.1:1",  # nothing listens there
    }
    assert run("migrate", **in_los_angeles).exit_code == 0
    shown = run("orders", "show", number, **in_los_angeles).stdout
    assert "Placed 2026-06-01 05:00 PDT by" in shown
    assert "2026-06-01 05:00 PDT" in run("orders", "list", **in_los_angeles).stdout
    report = run("reconcile", "--since=2026-05-31", "--dry-run", "--json", **in_los_angeles)
    assert json.loads(report.stdout)["since"] == "2026-05-31T07:00:00+00:00"


@pytest.mark.parametrize("text", ["", "yesterday", "30", "-1d", "2026-02-30", "99999d99", "1 d"])
def test_any_other_since_is_wrong_usage(run, text):
    result = run("reconcile", f"--since={text}")
    assert result.exit_code == 2
    assert "--since" in result.stderr


def test_a_since_before_the_year_1_is_wrong_usage(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(1, 1, 2, tzinfo=UTC))
    assert CliRunner().invoke(main, ["reconcile", "--since", "99999d"]).exit_code == 2


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_is_identified_by_number(monkeypatch, error):
    def no_name():
        raise error

    monkeypatch.setattr("getpass.getuser", no_name)
    assert current_user().startswith("user ")


@pytest.mark.parametrize(
    "words", [["orders", "ship"], ["refund"], ["reconcile"]], ids=lambda words: words[-1]
)
def test_a_busy_database_is_reported_without_a_traceback(run, number, monkeypatch, words):
    def busy(*_arguments, **_named):
        raise OperationalError("UPDATE", {}, Exception("locked"))

    for module, name in (
        ("bookshop.cli.orders.ship", "ship"),
        ("bookshop.cli.orders.refund", "refund_order"),
        ("bookshop.reconciliation.service", "reconcile"),
    ):
        monkeypatch.setattr(import_module(module), name, busy)
    result = run(*words, *([] if words == ["reconcile"] else [number]))
    assert result.exit_code == 1
    assert "locked" in result.stderr
    assert isinstance(result.exception, SystemExit)
