"""`bookshop reconcile` against the sandbox, after webhooks, answers or processes were lost."""

import json
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import MetaData, event, select, update

from bookshop import clock
from bookshop.cli import main
from bookshop.money import Money
from bookshop.orders.audit import JOB_WORKER, Cause, TransitionContext
from bookshop.orders.models import AuditEntry, Order, RefundRecord
from bookshop.orders.payment.intents import KEY_LIFE
from bookshop.orders.refunds.execution import execute_refund
from bookshop.orders.refunds.requests import request_refund
from bookshop.orders.states import Actor
from bookshop.payments.errors import StripeUnavailableError
from bookshop.payments.gateway import Gateway
from tests.functional.test_checkout import BUY, LAST_COPY, MOSS, press_pay
from tests.shops import intent_of, start_sandbox

STAFF = Cause(Actor.STAFF, "refund by ada")
PAID = "payment_succeeded"
REFUND = {"method": "POST", "path": "/v1/refunds"}


@pytest.fixture
def sandbox_server(tmp_path):
    """A sandbox with no other tests' objects."""
    server = start_sandbox(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def shop(make_each_shop):
    """A shop without webhooks, on each database."""
    return make_each_shop()


@pytest.fixture
def run(shop, monkeypatch):
    """Runs a command on the shop of the test."""

    class _Config:
        registry = shop.registry

    monkeypatch.setattr("bookshop.cli.shop.configure", lambda _section: _Config)
    ini = shop.var / "shop.ini"
    ini.write_text("[app:main]\nuse = egg:bookshop\n", encoding="utf-8")

    def run(*words, code=0):
        result = CliRunner().invoke(main, ["--config", str(ini), *words])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def differences(run):
    """Reconciles and returns the codes of the differences; `unresolved` is how many are left."""

    def differences(*words, unresolved=0):
        exit_code = 1 if unresolved else 0
        report = json.loads(run("reconcile", "--json", *words, code=exit_code).stdout)
        assert report["unresolved"] == unresolved
        return [each["code"] for each in report["differences"]]

    return differences


def start_payment(shop, item=BUY):
    """A customer presses Pay; returns the id of the intent."""
    visitor = shop.visitor()
    page = visitor.get(item)
    press_pay(visitor, page)
    return intent_of(page)


@pytest.fixture
def paid(shop, sandbox, differences):
    """The intent of an order that is paid, here and at Stripe."""
    intent = start_payment(shop)
    sandbox.confirm(intent)
    assert differences() == [PAID]
    return intent


def request_refund_of(shop, amount):
    """Requests a refund like `bookshop refund`, without executing it; returns its key."""
    with shop.registry.services.sessions.begin() as session:
        order = session.scalars(select(Order).with_for_update()).one()
        occasion = TransitionContext(session, STAFF, clock.now())
        return request_refund(occasion, order, Money(amount, "GBP"), restock=False).key


def execute(shop, key):
    execute_refund(
        shop.registry.services.sessions, shop.registry.services.payments, key, JOB_WORKER
    )


def change_order(shop, **values):
    with shop.registry.services.sessions.begin() as session:
        session.execute(update(Order).values(**values))


def only(shop):
    (order,) = shop.orders()
    return order


def refund_of(shop):
    with shop.registry.services.sessions() as session:
        (found,) = session.scalars(select(RefundRecord))
        return found.status, found.stripe_id


def dump(shop):
    """The content of every table."""
    metadata = MetaData()
    metadata.reflect(shop.registry.services.engine)
    with shop.registry.services.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in metadata.sorted_tables
        }


# --- changes at Stripe that the shop missed


def test_bug_4_a_lost_webhook_is_repaired_and_a_second_run_finds_nothing(
    shop, sandbox, differences
):
    sandbox.confirm(start_payment(shop))

    assert differences() == [PAID]

    assert only(shop).status == "paid"
    assert (shop.book(MOSS).stock, shop.book(MOSS).reserved) == (6, 0)
    assert differences() == []


def test_an_intent_that_is_not_recorded_is_found(shop, sandbox, differences):
    intent = start_payment(shop)
    change_order(shop, payment_intent=None, status="placed")
    sandbox.confirm(intent)

    assert differences() == ["intent_not_recorded", PAID]

    assert (only(shop).payment_intent, only(shop).status) == (intent, "paid")
    assert differences() == []


def test_a_delayed_payment_that_fails_is_synchronised(shop, sandbox, differences):
    intent = start_payment(shop)
    sandbox.confirm(intent, "pm_bacsDebit_success")
    assert differences() == ["payment_processing"]
    sandbox.settle(intent, "failed")
    assert differences() == ["payment_failed"]
    assert differences() == []


def test_a_refund_made_in_the_dashboard_is_recorded(shop, sandbox, paid, differences):
    sandbox.refund(paid, 500)
    assert differences() == ["refunded_amount"]
    assert (only(shop).status, only(shop).refunded) == ("partly_refunded", Money(500, "GBP"))
    sandbox.refund(paid)
    assert differences() == ["refunded_amount"]
    assert only(shop).status == "refunded"
    assert differences() == []


def test_a_refund_that_failed_is_recorded_and_unresolved(shop, sandbox, paid, differences):
    refund = sandbox.refund(paid, 500)
    differences()
    sandbox.settle_refund(refund["id"], "failed")

    assert differences(unresolved=1) == ["refunded_amount", "refund_failed"]
    assert differences(unresolved=1) == ["refund_failed"]

    sandbox.refund(paid, 500)
    assert differences() == ["refunded_amount"]
    assert differences() == []


def test_a_dispute_is_recorded_and_then_no_difference(shop, sandbox, paid, differences):
    dispute = sandbox.dispute(paid)
    assert differences() == ["dispute_status"]
    assert only(shop).status == "disputed"
    assert differences() == []
    sandbox.settle_dispute(dispute["id"], "won")
    assert differences() == ["dispute_status"]
    assert only(shop).status == "dispute_won"
    assert differences() == []


def test_fraud_warnings_and_reviews_are_recorded(shop, sandbox, paid, differences):
    sandbox.warn(paid)
    review = sandbox.review(paid)
    assert differences() == ["review_opened", "fraud_warning"]
    assert only(shop).under_review
    assert only(shop).fraud_warned_at
    sandbox.close_review(review["id"], "approved")
    assert differences() == ["review_closed"]
    assert differences() == []


def test_a_review_that_a_refund_closes_is_closed_in_the_same_run(shop, sandbox, paid, differences):
    sandbox.review(paid)
    assert differences() == ["review_opened"]
    request_refund_of(shop, 2200)
    assert differences() == ["refund_pending"]
    assert (only(shop).status, only(shop).under_review) == ("refunded", False)
    assert differences() == []


def test_a_payment_after_the_last_copy_was_sold_is_refunded_in_the_same_run(
    shop, sandbox, differences
):
    intent = start_payment(shop, f"/checkout?item={LAST_COPY}")
    sandbox.confirm(intent)
    change_order(shop, stock_reserved=False, reserved_until=None)
    shop.change_book(LAST_COPY, stock=0, reserved=0)

    assert differences() == [PAID, "refund_pending"]
    assert (only(shop).status, only(shop).out_of_stock) == ("refunded", True)
    assert differences() == []


# --- work that the shop began and did not finish


def test_a_refund_requested_before_a_crash_is_executed(shop, sandbox, paid, differences):
    request_refund_of(shop, 500)
    assert differences() == ["refund_pending"]
    assert [refund["amount"] for refund in sandbox.refunds(paid)] == [500]
    assert differences() == []


def test_a_refund_whose_response_was_lost_is_not_repeated(shop, sandbox, paid, differences):
    key = request_refund_of(shop, 500)
    sandbox.fault(**REFUND, kind="drop_answer", times=10)
    with pytest.raises(StripeUnavailableError):
        execute(shop, key)
    sandbox.clear()

    assert differences() == ["refunded_amount"]

    (made,) = sandbox.refunds(paid)
    assert refund_of(shop) == ("succeeded", made["id"])
    assert differences() == []


def test_a_refund_is_retried_under_the_same_key_after_a_crash(
    shop, sandbox, paid, differences, monkeypatch
):
    key = request_refund_of(shop, 500)
    create = Gateway.create_refund

    def create_and_crash(*arguments):
        create(*arguments)
        raise SystemExit

    monkeypatch.setattr(Gateway, "create_refund", create_and_crash)
    with pytest.raises(SystemExit):
        execute(shop, key)
    monkeypatch.setattr(Gateway, "create_refund", create)
    execute(shop, key)

    (made,) = sandbox.refunds(paid)
    assert refund_of(shop) == ("succeeded", made["id"])
    assert differences() == []


def test_a_refund_older_than_its_key_is_looked_up_before_it_is_created(
    shop, sandbox, paid, differences
):
    key = request_refund_of(shop, 500)
    sandbox.fault(**REFUND, kind="drop_answer", times=10)
    with pytest.raises(StripeUnavailableError):
        execute(shop, key)
    sandbox.clear()
    with shop.registry.services.sessions.begin() as session:
        session.execute(update(RefundRecord).values(requested_at=clock.now() - 2 * KEY_LIFE))
    asked = len(sandbox.requests())

    assert differences() == ["refunded_amount"]

    since = sandbox.requests()[: len(sandbox.requests()) - asked]
    assert not [each for each in since if each["method"] == "POST"]
    assert len(sandbox.refunds(paid)) == 1


def test_a_refund_whose_key_stripe_has_forgotten_is_not_made_twice(
    shop, sandbox, paid, tmp_path, monkeypatch
):
    # The shop's clock is two days ahead at first, so that the request seems to be from the future.
    right = clock.now
    monkeypatch.setattr(clock, "now", lambda: right() + timedelta(days=2))
    key = request_refund_of(shop, 500)
    sandbox.fault(**REFUND, kind="drop_answer", times=10)
    with pytest.raises(StripeUnavailableError):
        execute(shop, key)
    sandbox.clear()
    monkeypatch.setattr(clock, "now", right)
    with closing(sqlite3.connect(tmp_path / "sandbox.sqlite")) as stripe, stripe:
        assert stripe.execute("DELETE FROM idempotency").rowcount

    execute(shop, key)

    (made,) = sandbox.refunds(paid)
    assert refund_of(shop) == ("succeeded", made["id"])


def test_what_happened_at_stripe_is_found_after_the_clock_was_ahead(
    shop, sandbox, run, differences, monkeypatch
):
    right = clock.now
    refunded, disputed = start_payment(shop), start_payment(shop)
    monkeypatch.setattr(clock, "now", lambda: right() + timedelta(days=2))
    for intent in (refunded, disputed):
        sandbox.confirm(intent)
    assert differences("--since", "5d") == [PAID, PAID]
    monkeypatch.setattr(clock, "now", right)
    sandbox.refund(refunded)
    sandbox.dispute(disputed)

    assert sorted(differences()) == ["dispute_status", "refunded_amount"]

    assert {order.status for order in shop.orders()} == {"refunded", "disputed"}
    for order in shop.orders():
        run("orders", "ship", order.number, code=1)
    assert differences() == []


def test_a_stored_failure_is_retried_under_another_key(shop, sandbox, paid, run, differences):
    request_refund_of(shop, 500)
    sandbox.fault(**REFUND, kind="status", status=500)
    assert run("reconcile", code=1).stderr

    assert differences() == ["refund_pending"]

    assert len(sandbox.refunds(paid)) == 1
    assert differences() == []


def test_an_abandoned_order_expires_and_its_intent_is_cancelled(shop, sandbox, run, monkeypatch):
    intent = start_payment(shop)
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    first = json.loads(run("reconcile", "--json").stdout)
    second = json.loads(run("reconcile", "--json").stdout)

    assert first["expired"] == 1
    assert [each["code"] for each in first["differences"]] == ["open_intent"]
    assert sandbox.intent(intent)["status"] == "canceled"
    assert (only(shop).status, shop.book(MOSS).reserved) == ("expired", 0)
    assert (second["expired"], second["differences"]) == (0, [])


def test_an_order_paid_in_time_never_expires(shop, sandbox, differences, monkeypatch):
    sandbox.confirm(start_payment(shop))
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert differences() == [PAID]

    with shop.registry.services.sessions() as session:
        moves = list(
            session.scalars(select(AuditEntry.to_status).where(AuditEntry.to_status.is_not(None)))
        )
    assert "expired" not in moves


# --- differences that an operator has to resolve


def another_intent(sandbox, number, amount=2200):
    """An intent that other software made for the order."""
    return sandbox.api(
        "POST",
        "/v1/payment_intents",
        {
            "amount": amount,
            "currency": "gbp",
            "automatic_payment_methods[enabled]": "true",
            "metadata[order]": number,
        },
    )["id"]


def test_a_second_intent_is_cancelled(shop, sandbox, paid, differences):
    second = another_intent(sandbox, only(shop).number)
    assert differences() == ["second_intent"]
    assert sandbox.intent(second)["status"] == "canceled"
    assert not only(shop).payment_mismatch
    assert differences() == []


def test_a_second_payment_is_unresolved_until_it_is_refunded(shop, sandbox, paid, differences):
    second = another_intent(sandbox, only(shop).number)
    sandbox.confirm(second)
    assert differences(unresolved=1) == ["second_payment"]
    assert differences(unresolved=1) == ["second_payment"]
    assert (only(shop).status, only(shop).payment_mismatch) == ("paid", True)
    sandbox.refund(second)
    assert differences() == []


def test_a_payment_of_another_amount_does_not_pay_the_order(shop, sandbox, differences):
    intent = start_payment(shop)
    change_order(shop, total=2500)
    sandbox.confirm(intent)
    assert differences(unresolved=1) == ["payment_mismatch"]
    assert differences(unresolved=1) == ["payment_mismatch"]
    assert (only(shop).status, only(shop).payment_mismatch) == ("awaiting_payment", True)
    sandbox.refund(intent)
    assert differences() == []


def test_a_payment_for_an_unknown_order_is_unresolved(shop, sandbox, differences):
    intent = another_intent(sandbox, "K7QM-2X9T-4BCQ")
    sandbox.confirm(intent)
    for reference in ("", "4711", "K7QM-2X9T-4BCD"):
        sandbox.confirm(another_intent(sandbox, reference))

    assert differences(unresolved=1) == ["unknown_order"]


def test_an_intent_missing_at_stripe_is_unresolved(shop, differences):
    start_payment(shop)
    change_order(shop, payment_intent="pi_of_other_keys")
    assert differences(unresolved=1) == ["second_intent", "missing_intent"]


# --- how it runs


def test_a_dry_run_reports_the_differences_and_changes_nothing(
    shop, sandbox, paid, run, differences
):
    sandbox.refund(paid, 500)
    sandbox.warn(paid)
    request_refund_of(shop, 300)
    second = another_intent(sandbox, only(shop).number)
    sandbox.confirm(start_payment(shop))
    before, intent_before = dump(shop), sandbox.intent(paid)

    found = differences("--dry-run", unresolved=5)

    assert found == [PAID, "second_intent", "refunded_amount", "fraud_warning", "refund_pending"]
    assert dump(shop) == before
    assert sandbox.intent(paid) == intent_before
    assert sandbox.intent(second)["status"] == "requires_payment_method"
    assert differences() == found
    assert differences() == []


def test_only_the_requested_period_is_compared(shop, sandbox, run, monkeypatch):
    sandbox.confirm(start_payment(shop))
    tomorrow = clock.now() + timedelta(days=1, hours=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    day = f"{tomorrow - timedelta(days=2):%Y-%m-%d}"
    for since, checked in (("1d", {}), ("2d", {"intents": 1}), (day, {"intents": 1})):
        result = run("reconcile", "--dry-run", "--since", since, "--json", code=int(bool(checked)))
        assert json.loads(result.stdout)["checked"] == checked


@pytest.mark.parametrize(
    ("path", "done"),
    [
        ("/v1/payment_intents", "awaiting_payment"),
        ("/v1/refunds", "paid"),
        ("/v1/disputes", "paid"),
        ("/v1/radar/early_fraud_warnings", "paid"),
    ],
)
def test_repairs_are_kept_when_stripe_stops_responding(shop, sandbox, run, differences, path, done):
    sandbox.confirm(start_payment(shop))
    sandbox.fault(method="GET", path=path, kind="reset", times=10)

    result = run("reconcile", "--json", code=1)

    unfinished = json.loads(result.stdout)["unfinished"]
    assert unfinished
    assert unfinished in result.stderr
    assert only(shop).status == done
    sandbox.clear()
    differences()
    assert only(shop).status == "paid"
    assert differences() == []


def test_all_pages_of_a_list_are_read(shop, sandbox, run, differences, monkeypatch):
    monkeypatch.setattr("bookshop.payments.listing.PAGE_SIZE", 2)
    for _ in range(5):
        sandbox.confirm(start_payment(shop))
    assert differences() == [PAID] * 5
    assert {order.status for order in shop.orders()} == {"paid"}


def test_orders_in_sync_are_read_without_a_lock(shop, sandbox, paid, differences):
    sandbox.refund(paid, 500)
    start_payment(shop)
    differences()
    with shop.registry.services.sessions() as writer:
        wanted = select(Order).with_for_update()
        assert len(writer.scalars(wanted).all()) == 2  # another process holds the locks
        statements = []

        @event.listens_for(shop.registry.services.engine, "before_cursor_execute")
        def note(_connection, _cursor, statement, *_rest):
            if threading.current_thread() is threading.main_thread():
                statements.append(statement)

        assert differences() == []
        event.remove(shop.registry.services.engine, "before_cursor_execute", note)
    assert statements
    assert not [each for each in statements if "FOR UPDATE" in each or each.startswith("UPDATE")]


def test_no_transaction_is_open_during_a_request_to_stripe(shop, sandbox, paid, run, monkeypatch):
    sandbox.refund(paid, 500)
    request_refund_of(shop, 300)
    sandbox.confirm(start_payment(shop))
    held, during = set(), []
    operation = Gateway._operation

    def watched(*arguments):
        during.append(threading.get_ident() in held)
        return operation(*arguments)

    @event.listens_for(shop.registry.services.engine, "checkout")
    def take(*_arguments):
        held.add(threading.get_ident())

    @event.listens_for(shop.registry.services.engine, "checkin")
    def give(*_arguments):
        held.discard(threading.get_ident())

    monkeypatch.setattr(Gateway, "_operation", watched)
    run("reconcile")
    event.remove(shop.registry.services.engine, "checkout", take)
    event.remove(shop.registry.services.engine, "checkin", give)
    assert len(during) > 5
    assert not any(during)


def test_report_texts(shop, sandbox, run):
    sandbox.confirm(start_payment(shop))
    number = only(shop).number
    dry = run("reconcile", "--dry-run", code=1).stdout
    repaired = run("reconcile").stdout
    text = "paid at Stripe, awaiting payment here"
    assert f"{number}: {text} [can be repaired]\n" in dry
    assert f"{number}: {text} [repaired]\n" in repaired
    assert "1 intents" in repaired
    assert "Differences: 1, repaired: 1, unresolved: 0." in repaired
    assert "Stripe and the orders agree." in run("reconcile").stdout
