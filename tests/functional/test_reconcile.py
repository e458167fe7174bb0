"""Stripe and the orders brought together again, after whatever was lost between them."""

import json
import threading
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
from bookshop.sandbox.options import Options
from bookshop.sandbox.server import SandboxServer
from tests.functional.test_checkout import BUY, LAST_COPY, MOSS, press_pay
from tests.shops import PUBLISHABLE_KEY, SECRET_KEY, WEBHOOK_SECRET, intent_of

STAFF = Cause(Actor.STAFF, "refund by ada")
NOW_PAID = "paid at Stripe, awaiting payment here"
REFUND = {"method": "POST", "path": "/v1/refunds"}


@pytest.fixture
def sandbox_server(tmp_path):
    """A Stripe that knows of nobody else's orders."""
    server = SandboxServer(
        Options(
            listen="localhost:0",
            secret_key=SECRET_KEY,
            publishable_key=PUBLISHABLE_KEY,
            webhook_url=None,
            webhook_secret=WEBHOOK_SECRET,
            database=tmp_path / "sandbox.sqlite",
        )
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def shop(make_each_shop):
    """A shop that Stripe tells nothing, on each database."""
    return make_each_shop()


@pytest.fixture
def run(shop, monkeypatch):
    """Runs a command about the very shop of the test."""

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
    """Reconciles: what differed, in words. `left` is how many of that a person is to look at."""

    def differences(*words, left=0):
        report = json.loads(run("reconcile", "--json", *words, code=1 if left else 0).stdout)
        assert report["left"] == left
        return [each["text"] for each in report["differences"]]

    return differences


def press(shop, item=BUY):
    """Somebody has pressed Pay: their intent."""
    visitor = shop.visitor()
    page = visitor.get(item)
    press_pay(visitor, page)
    return intent_of(page)


@pytest.fixture
def paid(shop, sandbox, differences):
    """The intent of an order that is paid, here as at Stripe."""
    intent = press(shop)
    sandbox.confirm(intent)
    assert differences() == [NOW_PAID]
    return intent


def ask_back(shop, amount):
    """What `bookshop refund` writes down before it asks Stripe; the key."""
    with shop.registry.services.sessions.begin() as session:
        order = session.scalars(select(Order).with_for_update()).one()
        occasion = TransitionContext(session, STAFF, clock.now())
        return request_refund(occasion, order, Money(amount, "GBP"), restock=False).key


def carry(shop, key):
    execute_refund(shop.registry.services.sessions, shop.registry.services.payments, key, JOB_WORKER)


def change_order(shop, **values):
    with shop.registry.services.sessions.begin() as session:
        session.execute(update(Order).values(**values))


def only(shop):
    (order,) = shop.orders()
    return order


def the_refund(shop):
    with shop.registry.services.sessions() as session:
        (found,) = session.scalars(select(RefundRecord))
        return found.status, found.stripe_id


def dump(shop):
    """All that the database holds."""
    metadata = MetaData()
    metadata.reflect(shop.registry.services.engine)
    with shop.registry.services.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in metadata.sorted_tables
        }


# --- what Stripe knows and the shop does not


def test_bug_4_a_lost_webhook_is_made_good_and_a_second_run_finds_nothing(
    shop, sandbox, differences
):
    sandbox.confirm(press(shop))

    assert differences() == [NOW_PAID]

    assert only(shop).status == "paid"
    assert (shop.book(MOSS).stock, shop.book(MOSS).reserved) == (6, 0)
    assert differences() == []


def test_an_intent_that_was_never_written_down_is_found(shop, sandbox, differences):
    intent = press(shop)
    change_order(shop, payment_intent=None, status="placed")
    sandbox.confirm(intent)

    assert differences() == [
        f"{intent} is its PaymentIntent at Stripe, and none is known here",
        "paid at Stripe, placed here",
    ]

    assert (only(shop).payment_intent, only(shop).status) == (intent, "paid")
    assert differences() == []


def test_a_payment_that_takes_its_time_and_fails_is_followed(shop, sandbox, differences):
    intent = press(shop)
    sandbox.confirm(intent, "pm_bacsDebit_success")
    assert differences() == ["in process at Stripe, awaiting payment here"]
    sandbox.settle(intent, "failed")
    assert differences() == ["the payment failed at Stripe, processing here"]
    assert differences() == []


def test_a_refund_of_the_dashboard_is_mirrored(shop, sandbox, paid, differences):
    sandbox.refund(paid, 500)
    assert differences() == ["5.00 GBP went back at Stripe, 0.00 here"]
    assert (only(shop).status, only(shop).refunded) == ("partly_refunded", Money(500, "GBP"))
    sandbox.refund(paid)
    assert differences() == ["22.00 GBP went back at Stripe, 5.00 here"]
    assert only(shop).status == "refunded"
    assert differences() == []


def test_a_refund_that_came_back_is_mirrored_and_left_to_a_person(shop, sandbox, paid, differences):
    refund = sandbox.refund(paid, 500)
    differences()
    sandbox.settle_refund(refund["id"], "failed")
    debt = "5.00 GBP were to go back to the customer, and it came back (expired_or_canceled_card)"

    assert differences(left=1) == ["0.00 GBP went back at Stripe, 5.00 here", debt]
    assert differences(left=1) == [debt]

    sandbox.refund(paid, 500)
    assert differences() == ["5.00 GBP went back at Stripe, 0.00 here"]
    assert differences() == []


def test_a_dispute_is_followed_and_is_itself_no_difference(shop, sandbox, paid, differences):
    dispute = sandbox.dispute(paid)
    assert differences() == ["a dispute is open at Stripe that is not known here"]
    assert only(shop).status == "disputed"
    assert differences() == []
    sandbox.settle_dispute(dispute["id"], "won")
    assert differences() == ["a dispute was won at Stripe, and is open here"]
    assert only(shop).status == "dispute_won"
    assert differences() == []


def test_warnings_and_reviews_are_followed(shop, sandbox, paid, differences):
    sandbox.warn(paid)
    review = sandbox.review(paid)
    assert differences() == [
        "Stripe advises to look at the payment first, which is not known here",
        "its bank takes the payment for fraud, which is not known here",
    ]
    assert only(shop).under_review
    assert only(shop).fraud_warned_at
    sandbox.close_review(review["id"], "approved")
    assert differences() == ["the review of the payment is over at Stripe, and still open here"]
    assert differences() == []


def test_what_is_paid_for_when_its_last_copy_has_gone_is_given_back_in_the_same_run(
    shop, sandbox, differences
):
    intent = press(shop, f"/checkout?item={LAST_COPY}")
    sandbox.confirm(intent)
    change_order(shop, stock_reserved=False, reserved_until=None)
    shop.change_book(LAST_COPY, stock=0, reserved=0)

    paid, asked = differences()

    assert paid == NOW_PAID
    assert asked.endswith("GBP were asked back, and not given yet")
    assert (only(shop).status, only(shop).short) == ("refunded", True)
    assert differences() == []


# --- what the shop began and did not bring to an end


def test_a_crash_before_stripe_heard_of_a_refund(shop, sandbox, paid, differences):
    ask_back(shop, 500)
    assert differences() == ["5.00 GBP were asked back, and not given yet"]
    assert [refund["amount"] for refund in sandbox.refunds(paid)] == [500]
    assert differences() == []


def test_a_refund_whose_answer_was_lost_is_not_made_twice(shop, sandbox, paid, differences):
    key = ask_back(shop, 500)
    sandbox.fault(**REFUND, kind="drop_answer", times=10)
    with pytest.raises(StripeUnavailableError):
        carry(shop, key)
    sandbox.clear()

    assert differences() == ["5.00 GBP went back at Stripe, 0.00 here"]

    (made,) = sandbox.refunds(paid)
    assert the_refund(shop) == ("succeeded", made["id"])
    assert differences() == []


def test_a_crash_between_stripes_answer_and_the_write_asks_under_the_same_key(
    shop, sandbox, paid, differences, monkeypatch
):
    key = ask_back(shop, 500)
    make = Gateway.create_refund

    def make_and_crash(*arguments):
        make(*arguments)
        raise SystemExit

    monkeypatch.setattr(Gateway, "create_refund", make_and_crash)
    with pytest.raises(SystemExit):
        carry(shop, key)
    monkeypatch.setattr(Gateway, "create_refund", make)
    carry(shop, key)

    (made,) = sandbox.refunds(paid)
    assert the_refund(shop) == ("succeeded", made["id"])
    assert differences() == []


def test_a_request_that_is_older_than_its_key_is_looked_for_before_it_is_made(
    shop, sandbox, paid, differences
):
    key = ask_back(shop, 500)
    sandbox.fault(**REFUND, kind="drop_answer", times=10)
    with pytest.raises(StripeUnavailableError):
        carry(shop, key)
    sandbox.clear()
    with shop.registry.services.sessions.begin() as session:
        session.execute(update(RefundRecord).values(requested_at=clock.now() - 2 * KEY_LIFE))
    asked = len(sandbox.requests())

    assert differences() == ["5.00 GBP went back at Stripe, 0.00 here"]

    since = sandbox.requests()[: len(sandbox.requests()) - asked]
    assert not [each for each in since if each["method"] == "POST"]
    assert len(sandbox.refunds(paid)) == 1


def test_a_failure_that_stripe_keeps_is_overcome(shop, sandbox, paid, run, differences):
    ask_back(shop, 500)
    sandbox.fault(**REFUND, kind="status", status=500)
    assert "Stripe could not be asked to the end" in run("reconcile", code=1).stderr

    assert differences() == ["5.00 GBP were asked back, and not given yet"]

    assert len(sandbox.refunds(paid)) == 1
    assert differences() == []


def test_whoever_left_expires_and_can_pay_no_more(shop, sandbox, run, monkeypatch):
    intent = press(shop)
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    first = json.loads(run("reconcile", "--json").stdout)
    second = json.loads(run("reconcile", "--json").stdout)

    assert first["expired"] == 1
    assert [each["text"] for each in first["differences"]] == [
        "expired here, and could still be paid at Stripe"
    ]
    assert sandbox.intent(intent)["status"] == "canceled"
    assert (only(shop).status, shop.book(MOSS).reserved) == ("expired", 0)
    assert (second["expired"], second["differences"]) == (0, [])


def test_whoever_has_paid_is_not_told_that_the_time_is_over(
    shop, sandbox, differences, monkeypatch
):
    sandbox.confirm(press(shop))
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert differences() == [NOW_PAID]

    with shop.registry.services.sessions() as session:
        moves = list(
            session.scalars(select(AuditEntry.to_status).where(AuditEntry.to_status.is_not(None)))
        )
    assert "expired" not in moves


# --- what is left to a person


def another_intent(sandbox, number, amount=2200):
    """An intent that somebody has made beside the order's own."""
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


def test_a_second_intent_is_cancelled_before_anybody_pays_it(shop, sandbox, paid, differences):
    second = another_intent(sandbox, only(shop).number)
    assert differences() == [f"a second PaymentIntent could be paid, {second}"]
    assert sandbox.intent(second)["status"] == "canceled"
    assert not only(shop).payment_mismatch
    assert differences() == []


def test_a_second_payment_is_left_to_a_person_until_it_has_gone_back(
    shop, sandbox, paid, differences
):
    second = another_intent(sandbox, only(shop).number)
    sandbox.confirm(second)
    told = f"a second payment has brought in 22.00 GBP: {second}"
    assert differences(left=1) == [told]
    assert differences(left=1) == [told]
    assert (only(shop).status, only(shop).payment_mismatch) == ("paid", True)
    sandbox.refund(second)
    assert differences() == []


def test_a_payment_of_another_amount_pays_nothing_and_is_left_to_a_person(
    shop, sandbox, differences
):
    intent = press(shop)
    change_order(shop, total=2500)
    sandbox.confirm(intent)
    told = "22.00 GBP were paid at Stripe, 25.00 GBP ordered here"
    assert differences(left=1) == [told]
    assert differences(left=1) == [told]
    assert (only(shop).status, only(shop).payment_mismatch) == ("awaiting_payment", True)
    sandbox.refund(intent)
    assert differences() == []


def test_a_payment_for_an_order_that_is_not_there_is_left_to_a_person(shop, sandbox, differences):
    intent = another_intent(sandbox, "K7QM-2X9T-4BCQ")
    sandbox.confirm(intent)
    for reference in ("", "4711", "K7QM-2X9T-4BCD"):
        sandbox.confirm(another_intent(sandbox, reference))

    assert differences(left=1) == ["22.00 GBP were paid for it, and there is no such order here"]


def test_an_intent_that_stripe_does_not_know_is_left_to_a_person(shop, differences):
    press(shop)
    change_order(shop, payment_intent="pi_of_other_keys")
    cancelled, missing = differences(left=1)
    assert cancelled.startswith("a second PaymentIntent could be paid")
    assert missing == "Stripe does not know its PaymentIntent: was it made with other keys?"


# --- how it is done


def test_a_dry_run_says_what_differs_and_changes_nothing(shop, sandbox, paid, run, differences):
    sandbox.refund(paid, 500)
    sandbox.warn(paid)
    ask_back(shop, 300)
    second = another_intent(sandbox, only(shop).number)
    sandbox.confirm(press(shop))
    before, there = dump(shop), sandbox.intent(paid)

    told = differences("--dry-run", left=5)

    assert told == [
        NOW_PAID,
        f"a second PaymentIntent could be paid, {second}",
        "5.00 GBP went back at Stripe, 0.00 here",
        "its bank takes the payment for fraud, which is not known here",
        "3.00 GBP were asked back, and not given yet",
    ]
    assert dump(shop) == before
    assert sandbox.intent(paid) == there
    assert sandbox.intent(second)["status"] == "requires_payment_method"
    assert "[can be repaired]" in run("reconcile", "--dry-run", code=1).stdout
    assert differences() == told
    assert differences() == []


def test_only_what_is_young_enough_is_looked_at(shop, sandbox, run, monkeypatch):
    sandbox.confirm(press(shop))
    tomorrow = clock.now() + timedelta(days=1, hours=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    day = f"{tomorrow - timedelta(days=2):%Y-%m-%d}"
    for since, checked in (("1d", {}), ("2d", {"intents": 1}), (day, {"intents": 1})):
        said = run("reconcile", "--dry-run", "--since", since, "--json", code=int(bool(checked)))
        assert json.loads(said.stdout)["checked"] == checked


@pytest.mark.parametrize(
    ("path", "done"),
    [
        ("/v1/payment_intents", "awaiting_payment"),
        ("/v1/refunds", "paid"),
        ("/v1/disputes", "paid"),
        ("/v1/radar/early_fraud_warnings", "paid"),
    ],
)
def test_where_stripe_falls_silent_in_the_middle_what_was_done_is_done(
    shop, sandbox, run, differences, path, done
):
    sandbox.confirm(press(shop))
    sandbox.fault(method="GET", path=path, kind="reset", times=10)

    result = run("reconcile", code=1)

    assert "Stripe could not be asked to the end" in result.stderr
    assert only(shop).status == done
    sandbox.clear()
    differences()
    assert only(shop).status == "paid"
    assert differences() == []


def test_page_after_page_is_asked_for(shop, sandbox, run, differences, monkeypatch):
    monkeypatch.setattr("bookshop.payments.listing.PAGE_SIZE", 2)
    for _ in range(5):
        sandbox.confirm(press(shop))
    assert differences() == [NOW_PAID] * 5
    assert {order.status for order in shop.orders()} == {"paid"}


def test_what_agrees_is_read_without_a_writers_lock(shop, sandbox, paid, differences):
    sandbox.refund(paid, 500)
    press(shop)
    differences()
    with shop.registry.services.sessions() as writer:
        wanted = select(Order).with_for_update()
        assert len(writer.scalars(wanted).all()) == 2  # somebody is at them just now
        said = []

        @event.listens_for(shop.registry.services.engine, "before_cursor_execute")
        def note(_connection, _cursor, statement, *_rest):
            if threading.current_thread() is threading.main_thread():  # the postman has his own
                said.append(statement)

        assert differences() == []
        event.remove(shop.registry.services.engine, "before_cursor_execute", note)
    assert said
    assert not [each for each in said if "FOR UPDATE" in each or each.startswith("UPDATE")]


def test_no_transaction_is_open_while_stripe_is_asked(shop, sandbox, paid, run, monkeypatch):
    sandbox.refund(paid, 500)
    ask_back(shop, 300)
    sandbox.confirm(press(shop))
    held, during = set(), []
    ask = Gateway._operation

    def watched(*arguments):
        during.append(threading.get_ident() in held)
        return ask(*arguments)

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


def test_in_words(shop, sandbox, run):
    sandbox.confirm(press(shop))
    number = only(shop).number
    said = run("reconcile").stdout
    assert f"{number}: {NOW_PAID} [repaired]\n" in said
    assert "1 intents" in said
    assert "Differences: 1, repaired: 1, left: 0." in said
    assert "Stripe and the orders agree." in run("reconcile").stdout
