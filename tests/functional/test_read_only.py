"""Read-only mode: the catalogue is available, views that write answer 503, and nothing is lost."""

import json

import pytest

from bookshop import clock
from bookshop.mail.models import MailStatus
from bookshop.mail.queries import newest_mails
from bookshop.payments.webhook_signatures import verify_event
from bookshop.webhooks.handlers import handle_event
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
def test_the_catalogue_is_available(read_only, path):
    read_only.visitor().get(path, status=200)
    read_only.visitor().head(path, status=200)


@pytest.mark.parametrize(
    "path",
    [
        *(BUY, "/checkout", "/checkout/", "/success?pi=pi_1", f"/{'%63' + BUY[2:]}"),
        # Other spellings that lead to the same view, if the shop did not refuse them.
        *(f"/@@{BUY[1:]}", f"/.{BUY}", f"/{BUY}", f"/books/..{BUY}", "/@@success?pi=pi_1"),
        *(f"/static/..{BUY}", f"/orders/../@@{BUY[1:]}", f"/%40%40{BUY[1:]}"),
    ],
)
def test_views_that_write_are_refused(read_only, monkeypatch, path):
    monkeypatch.setattr("bookshop.web.resources.is_canonical_path", lambda _path: True)
    page = read_only.visitor().get(path, status=503)
    assert page.headers["Retry-After"] == "60"
    assert "no-store" in page.headers["Cache-Control"]
    assert "Content-Security-Policy" in page.headers
    assert page.html.select_one("[data-error-code]")["data-error-code"] == "read_only"
    assert read_only.orders() == []


@pytest.mark.parametrize("path", [f"/@@{BUY[1:]}", f"/static/..{BUY}", "/%40%40success?pi=pi_1"])
def test_other_spellings_of_a_path_are_refused_before_any_view(shop, path):
    shop.visitor().get(path, status=404)
    assert shop.orders() == []


def test_pressing_pay_is_refused_in_json_and_possible_afterwards(shop):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    shop.registry.services.read_only.begin(clock.now())
    answer = press_pay(visitor, page, status=503)
    assert (answer.json["error"]["code"], answer.json["error"]["field"]) == ("read_only", None)
    assert answer.headers["Retry-After"] == "60"
    shop.registry.services.read_only.end()
    press_pay(visitor, page)


def test_webhooks_are_refused_and_applied_when_delivered_again(shop, sandbox):
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


def test_a_file_turns_the_mode_on_for_one_machine(shop):
    (shop.var / "read-only").touch()
    shop.visitor().get(BUY, status=503)
    shop.visitor().get("/", status=200)
    (shop.var / "read-only").unlink()
    shop.visitor().get(BUY, status=200)


def test_a_read_only_shop_is_ready(read_only):
    read_only.visitor().get("/health/ready", status=200)


@pytest.mark.parametrize("path", ["/%ff%fe", "/checkout/%ff"])
def test_an_undecodable_path_is_no_internal_error(read_only, path):
    assert read_only.visitor().get(path, status="*").status_int in {400, 404, 503}


def test_mail_is_delivered_afterwards(shop, sandbox):
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    intent = sandbox.confirm(intent_of(page))
    (shop.var / "read-only").touch()
    # Another machine, which has no such file, receives the webhook.
    body = json.dumps(event(intent)).encode()
    secrets = shop.registry.services.settings.stripe.webhook_secrets
    received = verify_event(body, signed(body), secrets)
    services = shop.registry.services
    handle_event(services.sessions, services.payments, received)

    def statuses():
        with shop.registry.services.sessions() as session:
            return [mail["status"] for mail in newest_mails(session, 10, None)]

    shop.registry.mail_worker._run_once(0)
    assert statuses() == [MailStatus.WAITING]
    (shop.var / "read-only").unlink()
    shop.registry.mail_worker.wake()
    until(lambda: statuses() == [MailStatus.SENT])
