"""`bookshop orders`, for an order that has a history."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from bookshop import clock
from bookshop.cli import main
from bookshop.cli.orders.reconcile import Since
from bookshop.cli.shop import who
from bookshop.mail.models import MailRecord
from bookshop.orders.audit import Cause, TransitionContext, record_event
from bookshop.orders.models import AuditEntry, DisputeRecord, Order, RefundRecord
from bookshop.orders.states import Actor, OrderStatus
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


def test_everything_is_sent_and_mailed_once(run, sessions, number, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    result = run("orders", "ship", number, "--tracking", "RM 1")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"2 x One (A)\n2 x Two (B)\nThe order {number} is shipped.\n"
    (mail,) = mails(sessions)
    assert mail["tracking"] == "RM 1"
    again = run("orders", "ship", number)
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == "Error: Everything in it has been sent already.\n"
    assert len(mails(sessions)) == 1
    with sessions() as session:
        causes = {entry.cause for entry in session.scalars(select(AuditEntry))}
    assert causes == {"orders ship by ada"}
    shown = run("orders", "show", number).stdout
    assert "  2 x One (A) £19.98, 2 sent\n" in shown
    assert "-> shipped by staff (orders ship by ada)" in shown
    assert "tracking RM 1" in shown


def test_copies_by_name_and_number(run, number):
    result = run("orders", "ship", number.lower(), "--sku", "A:1", "--sku", "B")
    assert result.stdout == f"1 x One (A)\n2 x Two (B)\nThe order {number} is partly_shipped.\n"
    assert "1 x One (A)" in run("orders", "ship", number).stdout


@pytest.mark.parametrize("sku", ["A:0", "A:-1", "A:x", "A:", "A:1.5", "A:\u0661"])
def test_a_number_that_is_none_is_wrong_usage(run, sessions, number, sku):
    result = run("orders", "ship", number, "--sku", sku)
    assert result.exit_code == 2
    assert "how many copies, 1 or more" in " ".join(result.stderr.split())
    assert mails(sessions) == []


def test_a_book_named_twice_is_wrong_usage(run, number):
    assert run("orders", "ship", number, "--sku", "A:1", "--sku", "A:1").exit_code == 2


def test_a_doubt_is_said_with_what_overrides_it(run, sessions, number):
    with sessions.begin() as session:
        session.execute(update(Order).values(warned_at=NOW))
    result = run("orders", "ship", number)
    assert result.exit_code == 1
    assert "--despite-warning" in result.stderr
    assert run("orders", "ship", number, "--despite-warning").exit_code == 0


def test_an_order_that_is_not_there_is_not_sent(run):
    result = run("orders", "ship", "K7QM-2X9T-4BCQ")
    assert (result.exit_code, result.stderr) == (1, "Error: There is no order K7QM-2X9T-4BCQ.\n")


def test_an_order_in_words_with_all_that_happened(run, sessions, number):
    with sessions.begin() as session:
        made = session.scalars(select(Order)).one()
        made.under_review = True
        made.refunded = 500
        cause = Cause(Actor.STAFF, "refund by ada")
        record_event(TransitionContext(session, cause, NOW), made, "refund_requested", amount=500)
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
        "  the money has arrived",
        "mind: under_review",
        "paid 2026-06-01 12:00 UTC, refunded £5.00",
        "refund K/0: £5.00 refused: too much",
        "dispute du_1: £9.99 won (general)",
        "2026-06-01 12:00 refund_requested by staff (refund by ada), amount 500",
    ):
        assert f"{line}\n" in shown
    assert "under_review" in run("orders", "list").stdout


def test_orders_of_one_status(run, number):
    assert number in run("orders", "list", "--status", "paid").stdout
    assert number not in run("orders", "list", "--status", "shipped").stdout
    assert run("orders", "list", "--status", "lost").exit_code == 2


# --- what other commands read


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30d", NOW - timedelta(days=30)),
        ("0d", NOW),
        ("2026-05-31", datetime(2026, 5, 31, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_day_or_days_ago(monkeypatch, text, moment):
    monkeypatch.setattr(clock, "now", lambda: NOW)
    assert Since().convert(text, None, None) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "30", "-1d", "2026-02-30", "99999d99", "1 d"])
def test_other_moments_are_wrong_usage(run, text):
    result = run("reconcile", f"--since={text}")
    assert result.exit_code == 2
    assert "neither a day (2026-11-01)" in " ".join(result.stderr.split())


def test_further_back_than_there_is_time_is_wrong_usage(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(1, 1, 2, tzinfo=UTC))
    assert CliRunner().invoke(main, ["reconcile", "--since", "99999d"]).exit_code == 2


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_a_user_without_a_name_has_a_number(monkeypatch, error):
    def nobody():
        raise error

    monkeypatch.setattr("getpass.getuser", nobody)
    assert who().startswith("user ")


@pytest.mark.parametrize(
    "words", [["orders", "ship"], ["refund"], ["reconcile"]], ids=lambda words: words[-1]
)
def test_a_database_that_is_busy_is_said_without_a_traceback(run, number, monkeypatch, words):
    def busy(*_arguments, **_named):
        raise OperationalError("UPDATE", {}, Exception("locked"))

    for module, name in (("orders", "ship"), ("refund", "give_back"), ("reconcile", "compare")):
        monkeypatch.setattr(import_module(f"bookshop.cli.{module}"), name, busy)
    result = run(*words, *([] if words == ["reconcile"] else [number]))
    assert result.exit_code == 1
    assert "The database does not answer (OperationalError): try again." in result.stderr
