"""Read-only mode: books are shown, whoever would write is asked to come back, nothing is lost."""

import json

import pytest

from bookshop import clock
from bookshop.mail.models import MailStatus
from bookshop.mail.queries import newest_mails
from bookshop.payments.webhook_signatures import verify_event
from bookshop.webhooks.handlers import handle
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.functional.test_webhooks import event, send, signed
from tests.shops import intent_of
from tests.waiting import until


@pytest.fixture
def read_only(shop):
    shop.registry.services.read_only.begin(clock.now())
    return shop


@pytest.mark.parametrize(
    "path", ["/", "/books/", f"/books/{MOSS}", "/books/?q=moss", "/static/base.css", "/robots.txt"]
)
def test_the_shelves_are_open(read_only, path):
    read_only.visitor().get(path, status=200)
    read_only.visitor().head(path, status=200)


@pytest.mark.parametrize("path", [BUY, f"/.{BUY}", f"/{BUY}", "/success?pi=pi_1", "/checkout"])
def test_what_would_write_says_when_to_come_back(read_only, path):
    page = read_only.visitor().get(path, status=503)
    assert page.headers["Retry-After"] == "60"
    assert "no-store" in page.headers["Cache-Control"]
    assert "Content-Security-Policy" in page.headers
    assert "Nothing is lost" in page.text
    assert read_only.orders() == []


def test_the_checkouts_script_is_told_in_its_own_words(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.registry.services.read_only.begin(clock.now())
    answer = press_pay(visitor, page, status=503)
    assert answer.json["error"]["field"] is None
    assert "come back" in answer.json["error"]["message"]
    assert answer.headers["Retry-After"] == "60"
    shop.registry.services.read_only.end()
    press_pay(visitor, page)


def test_stripe_is_to_deliver_again_and_then_it_counts(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    intent = sandbox.confirm(intent_of(page))
    shop.registry.services.read_only.begin(clock.now())
    answer = send(shop, event(intent), status=503)
    assert answer.content_type == "text/plain"
    assert answer.headers["Retry-After"] == "60"
    assert shop.orders()[0].status == "awaiting_payment"
    shop.registry.services.read_only.end()
    send(shop, event(intent))
    assert shop.orders()[0].status == "paid"


def test_a_file_does_the_same_for_one_machine(shop):
    (shop.var / "read-only").touch()
    shop.visitor().get(BUY, status=503)
    shop.visitor().get("/", status=200)
    (shop.var / "read-only").unlink()
    shop.visitor().get(BUY, status=200)


def test_a_shop_that_only_shows_books_is_ready_for_them(read_only):
    read_only.visitor().get("/health/ready", status=200)


@pytest.mark.parametrize("path", ["/%ff%fe", "/checkout/%ff"])
def test_an_unreadable_address_is_no_fault(read_only, path):
    assert read_only.visitor().get(path, status="*").status_int in {400, 404, 503}


def test_mail_waits_until_it_is_over(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    intent = sandbox.confirm(intent_of(page))
    (shop.var / "read-only").touch()
    # Another machine, which has no such file, is told of the payment.
    body = json.dumps(event(intent)).encode()
    secrets = shop.registry.services.settings.stripe.webhook_secrets
    told = verify_event(body, signed(body), secrets)
    handle(shop.registry.services.sessions, shop.registry.services.payments, told)

    def statuses():
        with shop.registry.services.sessions() as session:
            return [mail["status"] for mail in newest_mails(session, 10, None)]

    shop.registry.mail_worker._run_once(0)
    assert statuses() == [MailStatus.WAITING]
    (shop.var / "read-only").unlink()
    shop.registry.mail_worker.wake()
    until(lambda: statuses() == [MailStatus.SENT])
