"""Who gets e-mails about orders that are not paid: the owner of an address, and not too many."""

from datetime import timedelta

import pytest

from bookshop import clock
from bookshop.inventory.reservations import RESERVATION_TIME
from bookshop.mail.models import MailRecord
from bookshop.orders.notifications import MAX_UNPAID
from tests.demo_books import MOSS
from tests.functional.test_checkout import BUY, press_pay
from tests.shops import intent_of

DECLINED = "pm_card_visa_chargeDeclined"


@pytest.fixture
def recipients(shop, monkeypatch):
    """Lets the reservations end, and returns the recipients of all e-mails."""

    def recipients():
        later = clock.now() + RESERVATION_TIME + timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda: later)
        shop.registry.job_worker.run_all()
        with shop.registry.services.sessions() as session:
            return [mail.recipient for mail in session.query(MailRecord).order_by(MailRecord.id)]

    return recipients


def press(shop, email):
    """Press Pay with an address; return the browser and its PaymentIntent."""
    browser = shop.visitor()
    page = browser.get(BUY)
    press_pay(browser, page, email=email)
    return browser, intent_of(page)


def ask_for_link(shop, browser):
    form = browser.get("/orders/").forms["link-form"]
    form["number"], form["email"] = shop.orders()[-1].number, shop.orders()[-1].email
    form.submit()


def test_pressing_pay_with_the_address_of_another_person_mails_nothing(shop, recipients):
    browser, _intent = press(shop, "stranger@reader.example")
    ask_for_link(shop, browser)
    assert recipients() == []
    assert shop.orders()[0].status == "expired"


def test_an_attempt_to_pay_with_another_address_mails_nothing(shop, sandbox, recipients):
    browser = shop.visitor()
    page = browser.get(BUY)
    press_pay(browser, page, email="mallory@reader.example")
    sandbox.confirm(intent_of(page), DECLINED)
    press_pay(browser, page, email="stranger@reader.example")
    browser.get(f"/success?pi={intent_of(page)}")
    assert recipients() == []


def test_a_declined_card_lets_the_address_be_written_to(shop, sandbox, recipients):
    browser, intent = press(shop, "ada@reader.example")
    sandbox.confirm(intent, DECLINED)
    browser.get(f"/success?pi={intent}")
    assert recipients() == ["ada@reader.example"]


def test_one_mailbox_gets_few_emails_about_unpaid_orders(shop, sandbox, recipients):
    shop.change_book(MOSS, stock=2 * MAX_UNPAID)
    for number in range(MAX_UNPAID + 2):
        browser, intent = press(shop, f"a.d.a+{number}@reader.example")
        sandbox.confirm(intent, DECLINED)
        browser.get(f"/success?pi={intent}")
    browser, intent = press(shop, "ada@reader.example")
    sandbox.confirm(intent)
    browser.get(f"/success?pi={intent}")

    sent = recipients()

    assert len(sent) == MAX_UNPAID + 1
    assert sent[0] == "ada@reader.example"  # the confirmation of the paid order
