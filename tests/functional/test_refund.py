"""`bookshop refund`: the money goes back once, and never more of it than was paid."""

import json
import threading

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from bookshop.cli import main
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause
from bookshop.orders.jobs import run_order_jobs
from bookshop.orders.models import AuditEntry, Order, RefundRecord
from bookshop.orders.refunds.service import RefundRequest, refund_order
from bookshop.orders.states import Actor
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.shops import intent_of

REFUND = {"method": "POST", "path": "/v1/refunds"}


@pytest.fixture
def shop(make_each_shop):
    return make_each_shop(stripe__timeout="4")


@pytest.fixture
def run(shop, monkeypatch):
    """Runs a command about the very shop of the test."""

    class _Config:
        registry = shop.registry

    monkeypatch.setattr("bookshop.cli.shop.configure", lambda _section: _Config)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    ini = shop.var / "shop.ini"
    ini.write_text("[app:main]\nuse = egg:bookshop\n", encoding="utf-8")
    return lambda *words: CliRunner().invoke(main, ["--config", str(ini), *words])


@pytest.fixture
def paid(shop, sandbox):
    """The number of an order of 22.00 GBP that is paid, and its intent."""
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    intent = intent_of(page)
    sandbox.confirm(intent)
    visitor.get(f"/success?pi={intent}")
    (order,) = shop.orders()
    assert order.status == "paid"
    return order.number, intent


def amounts(sandbox, intent):
    return sorted(refund["amount"] for refund in sandbox.refunds(intent))


def test_everything_goes_back_unless_an_amount_is_named(shop, sandbox, run, paid):
    number, intent = paid
    result = run("refund", number)
    assert result.exit_code == 0, result.output
    assert "£22.00 go back (re_" in result.stdout
    assert "The order is refunded." in result.stdout
    assert amounts(sandbox, intent) == [2200]
    assert (shop.order(number).status, shop.book(MOSS).stock) == ("refunded", 6)
    again = run("refund", number)
    assert (again.exit_code, amounts(sandbox, intent)) == (1, [2200])
    assert "Everything that was paid has gone back" in again.stderr


def test_a_part_and_then_the_rest(shop, sandbox, run, paid):
    number, intent = paid
    first = json.loads(run("refund", number.lower(), "--amount", "12.5", "--json").stdout)
    (made,) = sandbox.refunds(intent)
    assert first == {
        "number": number,
        "refund": made["id"],
        "amount": 1250,
        "currency": "GBP",
        "status": "succeeded",
        "problem": None,
        "order_status": "partly_refunded",
    }
    assert run("refund", number).exit_code == 0
    assert amounts(sandbox, intent) == [950, 1250]
    assert shop.order(number).refunded == Money(2200, "GBP")


def test_the_history_says_who_asked_and_what_stripe_did(shop, run, paid):
    run("refund", paid[0], "--amount", "1")
    with shop.registry.services.sessions() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()[-3:]
    assert [(entry.event, entry.actor, entry.cause) for entry in entries] == [
        ("refund_requested", "staff", "refund by ada"),
        ("refund", "stripe", "refund by ada"),
        ("partly_refunded", "stripe", "refund by ada"),
    ]


def test_copies_go_back_on_the_shelf_where_that_is_said(shop, run, paid):
    assert shop.book(MOSS).stock == 6
    run("refund", paid[0], "--restock")
    assert shop.book(MOSS).stock == 7


@pytest.mark.parametrize(
    "amount", ["12,50", "1e1", "0x1", "NaN", "12.505", "-1", "", "1 2", "\uff11"]
)
def test_bug_6_what_is_no_amount_is_refused_plainly(sandbox, run, paid, amount):
    result = run("refund", paid[0], f"--amount={amount}")
    assert result.exit_code == 2
    assert "is not an amount in GBP. Example: 12.00" in " ".join(result.stderr.split())
    assert sandbox.refunds(paid[1]) == []


@pytest.mark.parametrize("amount", ["0", "0.00", "22.01", "999999999"])
def test_only_what_was_paid_can_go_back(sandbox, run, paid, amount):
    result = run("refund", paid[0], "--amount", amount)
    assert result.exit_code == 1
    assert "Between 0.01 and 22.00 GBP can go back." in result.stderr
    assert sandbox.refunds(paid[1]) == []


def test_an_order_that_is_not_there(run):
    result = run("refund", "K7QM-2X9T-4BCQ")
    assert (result.exit_code, result.stderr) == (1, "Error: There is no order K7QM-2X9T-4BCQ.\n")


def test_without_stripe_it_is_asked_for_and_made_later(shop, sandbox, run, paid):
    number, intent = paid
    sandbox.fault(**REFUND, kind="reset", times=10)
    result = run("refund", number, "--amount", "5")
    assert result.exit_code == 1
    assert "Stripe gave no answer that helps" in result.stdout
    assert "The refund of £5.00 is asked for" in result.stdout
    sandbox.clear()
    run_order_jobs(shop.registry.services.sessions, shop.registry.services.payments, JOB_WORKER)
    assert amounts(sandbox, intent) == [500]
    assert shop.order(number).refunded == Money(500, "GBP")


def test_a_lost_answer_makes_no_second_refund(shop, sandbox, run, paid):
    number, intent = paid
    sandbox.fault(**REFUND, kind="drop_answer", times=1)
    assert run("refund", number, "--amount", "5").exit_code == 0
    assert amounts(sandbox, intent) == [500]


def test_what_stripe_refuses_is_said_with_its_reason(shop, sandbox, run, paid):
    number, intent = paid
    sandbox.refund(intent, 2000)  # in the dashboard, and the event is lost
    result = run("refund", number, "--amount", "5")
    assert result.exit_code == 1
    assert "Stripe refuses the refund of £5.00: the amount is more than what is left" in (
        result.stdout
    )
    assert amounts(sandbox, intent) == [2000]


def test_what_the_bank_decides_is_not_refunded_beside_it(shop, run, paid):
    with shop.registry.services.sessions.begin() as session:
        session.execute(update(Order).values(status="disputed"))
    assert "answer the dispute at Stripe instead" in run("refund", paid[0]).stderr


def test_commands_at_once_never_give_back_more_than_was_paid(shop, sandbox, run, paid):
    number, intent = paid
    ended = []

    def ask():
        wish = RefundRequest(number, lambda currency: Money(900, currency), restock=False)
        cause = Cause(Actor.STAFF, "refund by ada")
        try:
            ended.append(refund_order(shop.registry.services.sessions, shop.registry.services.payments, wish, cause))
        except Exception as err:  # noqa: BLE001 - the test looks at what was raised
            ended.append(err)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [getattr(each, "status", "refused") for each in ended].count("succeeded") == 2, ended
    assert amounts(sandbox, intent) == [900, 900]
    assert shop.order(number).refunded == Money(1800, "GBP")
    with shop.registry.services.sessions() as session:
        assert len(session.scalars(select(RefundRecord)).all()) == 2
