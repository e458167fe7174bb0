"""`bookshop refund`: a refund is made once, and never exceeds what was paid."""

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
from tests.waiting import until

REFUND = {"method": "POST", "path": "/v1/refunds"}


@pytest.fixture
def shop(make_each_shop):
    return make_each_shop(stripe__timeout="4")


@pytest.fixture
def run(shop, monkeypatch):
    """Run a command on the shop of the test."""

    class _Config:
        registry = shop.registry

    monkeypatch.setattr("bookshop.cli.shop.configure", lambda _section: _Config)
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    ini = shop.var / "shop.ini"
    ini.write_text("[app:main]\nuse = egg:bookshop\n", encoding="utf-8")
    return lambda *words: CliRunner().invoke(main, ["--config", str(ini), *words])


@pytest.fixture
def paid(shop, sandbox):
    """The number of a paid order of 22.00 GBP, and its PaymentIntent."""
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


def test_without_an_amount_everything_is_refunded(shop, sandbox, run, paid):
    number, intent = paid
    result = run("refund", number)
    assert result.exit_code == 0, result.output
    (made,) = sandbox.refunds(intent)
    assert result.stdout == f"Refunded £22.00 ({made['id']}).\nOrder {number}: refunded\n"
    assert amounts(sandbox, intent) == [2200]
    assert (shop.order(number).status, shop.book(MOSS).stock) == ("refunded", 6)
    again = run("refund", number)
    assert (again.exit_code, amounts(sandbox, intent)) == (1, [2200])


def test_a_part_is_refunded_and_then_the_rest(shop, sandbox, run, paid):
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


def test_the_history_names_the_user_and_the_refunds_status(shop, run, paid):
    run("refund", paid[0], "--amount", "1")
    with shop.registry.services.sessions() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()[-3:]
    assert {entry.cause for entry in entries} == {"refund by ada"}
    assert [(entry.event, entry.actor, entry.to_status) for entry in entries] == [
        ("refund_requested", "staff", None),
        ("refund_updated", "stripe", None),
        ("status_changed", "stripe", "partly_refunded"),
    ]


def test_restock_returns_the_books_to_stock(shop, run, paid):
    assert shop.book(MOSS).stock == 6
    run("refund", paid[0], "--restock")
    assert shop.book(MOSS).stock == 7


def test_an_order_is_not_shipped_while_stripe_executes_its_refund(shop, sandbox, run, paid):
    number, intent = paid
    sandbox.fault(**REFUND, kind="latency", seconds=3)
    services = shop.registry.services
    request = RefundRequest(number, None, restock=True)
    cause = Cause(Actor.STAFF, "refund by ada")
    refunding = threading.Thread(
        target=refund_order, args=(services.sessions, services.payments, request, cause)
    )
    refunding.start()

    def is_recorded():
        with services.sessions() as session:
            return session.scalar(select(RefundRecord.status))

    assert until(is_recorded) == "requested"
    refused = run("orders", "ship", number)
    refunding.join(60)
    assert amounts(sandbox, intent) == [2200]
    assert (refused.exit_code, shop.order(number).status) == (1, "refunded")
    assert run("orders", "ship", number).exit_code == 1
    assert [line.shipped for line in shop.order(number).lines] == [0]
    assert shop.book(MOSS).stock == 7


def test_a_copy_restocked_by_a_refund_that_failed_leaves_the_stock_when_shipped(
    shop, sandbox, run, paid
):
    number, intent = paid
    run("refund", number, "--restock")
    (made,) = sandbox.refunds(intent)
    sandbox.settle_refund(made["id"], "failed")
    run("reconcile")
    assert (shop.order(number).status, shop.book(MOSS).stock) == ("paid", 7)
    assert run("orders", "ship", number).exit_code == 0
    assert shop.book(MOSS).stock == 6


def test_goodwill_that_restocks_and_then_ships_leaves_the_stock_right(shop, run, paid):
    assert run("refund", paid[0], "--amount", "1.00", "--restock").exit_code == 0
    assert shop.book(MOSS).stock == 7
    assert run("orders", "ship", paid[0]).exit_code == 0
    assert shop.book(MOSS).stock == 6


@pytest.mark.parametrize(
    "amount", ["12,50", "1e1", "0x1", "NaN", "12.505", "-1", "", "1 2", "\uff11"]
)
def test_bug_6_an_invalid_amount_is_wrong_usage(sandbox, run, paid, amount):
    result = run("refund", paid[0], f"--amount={amount}")
    assert result.exit_code == 2
    assert "--amount" in result.stderr
    assert "12.00" in result.stderr
    assert sandbox.refunds(paid[1]) == []


@pytest.mark.parametrize("amount", ["0", "0.00", "22.01", "999999999"])
def test_no_more_than_what_was_paid_can_be_refunded(sandbox, run, paid, amount):
    result = run("refund", paid[0], "--amount", amount)
    assert result.exit_code == 1
    assert "22.00 GBP" in result.stderr
    assert sandbox.refunds(paid[1]) == []


def test_an_unknown_order(run):
    result = run("refund", "K7QM-2X9T-4BCQ")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "K7QM-2X9T-4BCQ" in result.stderr


def test_without_stripe_the_refund_is_saved_and_made_later(shop, sandbox, run, paid):
    number, intent = paid
    sandbox.fault(**REFUND, kind="reset", times=10)
    result = run("refund", number, "--amount", "5")
    assert result.exit_code == 1
    assert "£5.00" in result.stdout
    sandbox.clear()
    run_order_jobs(shop.registry.services.sessions, shop.registry.services.payments, JOB_WORKER)
    assert amounts(sandbox, intent) == [500]
    assert shop.order(number).refunded == Money(500, "GBP")


def test_a_lost_response_makes_no_second_refund(shop, sandbox, run, paid):
    number, intent = paid
    sandbox.fault(**REFUND, kind="drop_answer", times=1)
    assert run("refund", number, "--amount", "5").exit_code == 0
    assert amounts(sandbox, intent) == [500]


def test_a_refusal_of_stripe_is_reported(shop, sandbox, run, paid):
    number, intent = paid
    sandbox.refund(intent, 2000)  # in the dashboard, and the event is lost
    result = run("refund", number, "--amount", "5")
    assert result.exit_code == 1
    assert "£5.00" in result.stdout
    assert amounts(sandbox, intent) == [2000]


def test_a_disputed_payment_is_not_refunded(shop, sandbox, run, paid):
    with shop.registry.services.sessions.begin() as session:
        session.execute(update(Order).values(status="disputed"))
    result = run("refund", paid[0])
    assert result.exit_code == 1
    assert sandbox.refunds(paid[1]) == []


def test_concurrent_commands_never_refund_more_than_was_paid(shop, sandbox, run, paid):
    number, intent = paid
    results = []

    def refund():
        services = shop.registry.services
        request = RefundRequest(number, lambda currency: Money(900, currency), restock=False)
        cause = Cause(Actor.STAFF, "refund by ada")
        try:
            results.append(refund_order(services.sessions, services.payments, request, cause))
        except Exception as err:  # noqa: BLE001 - asserted below
            results.append(err)

    threads = [threading.Thread(target=refund) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [getattr(each, "status", "refused") for each in results].count("succeeded") == 2, results
    assert amounts(sandbox, intent) == [900, 900]
    assert shop.order(number).refunded == Money(1800, "GBP")
    with shop.registry.services.sessions() as session:
        assert len(session.scalars(select(RefundRecord)).all()) == 2
