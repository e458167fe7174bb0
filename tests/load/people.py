"""A buyer with a browser: the pages as they are served, and Stripe as Stripe.js asks it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from html import unescape
from typing import Self
from urllib.parse import urlencode

import urllib3

from tests.shops import PUBLISHABLE_KEY

TIMEOUT = 60  # seconds for an answer
_FIELD = re.compile(r'<input type="hidden" name="(order|revision|csrf_token)" value="([^"]*)"')
_SECRET = re.compile(r'data-client-secret="([^"]+)"')


def card(number: str) -> dict[str, str]:
    """What the form sends of a card."""
    return {
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": number,
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2040",
        "payment_method_data[card][cvc]": "123",
    }


VISA = card("4242424242424242")
DECLINED = card("4000000000000002")
DEBIT = {
    "payment_method_data[type]": "bacs_debit",
    "payment_method_data[bacs_debit][sort_code]": "108800",
    "payment_method_data[bacs_debit][account_number]": "00012345",
}


@dataclass(frozen=True)
class Answer:
    """A page, or what a form was answered."""

    status: int
    text: str


@dataclass(frozen=True)
class Page:
    """What a checkout page holds for its script."""

    form: dict[str, str]
    secret: str

    @property
    def intent(self) -> str:
        return self.secret.partition("_secret_")[0]


class Buyer:
    """One browser, with its cookie and its connections. Not for several threads.

    `answers` counts what the shop has answered. Raises urllib3's HTTPError where nothing comes.
    """

    def __init__(self, shop: str, stripe: str) -> None:
        how = {"maxsize": 1, "retries": False, "timeout": TIMEOUT}
        self._shop = urllib3.connection_from_url(shop, **how)
        self._stripe = urllib3.connection_from_url(stripe, **how)
        self._cookie: dict[str, str] = {}
        self.answers: Counter[tuple[str, int]] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._shop.close()
        self._stripe.close()

    def checkout(self, sku: str) -> Answer:
        return self._ask("checkout", "GET", f"/checkout?item={sku}")

    def press_pay(self, page: Page, email: str) -> Answer:
        return self._ask("pay", "POST", "/checkout", {**page.form, "email": email})

    def confirm(self, page: Page, method: dict[str, str] = VISA) -> dict:
        """What the form's script does with the card once the shop has said 200."""
        given = {
            "key": PUBLISHABLE_KEY,
            "client_secret": page.secret,
            "return_url": "http://localhost/success",
            "use_stripe_sdk": "true",
            **method,
        }
        path = f"/v1/payment_intents/{page.intent}/confirm"
        return self._stripe.request("POST", path, fields=given, encode_multipart=False).json()

    def success(self, page: Page) -> Answer:
        return self._ask("success", "GET", f"/success?pi={page.intent}")

    def _ask(self, what: str, method: str, path: str, form: dict | None = None) -> Answer:
        answer = self._shop.request(
            method,
            path,
            body=None if form is None else urlencode(form),
            headers={"Content-Type": "application/x-www-form-urlencoded"} | self._cookie,
            redirect=False,
        )
        if cookie := answer.headers.get("Set-Cookie"):
            self._cookie = {"Cookie": cookie.partition(";")[0]}
        self.answers[what, answer.status] += 1
        return Answer(answer.status, answer.data.decode())


def read(answer: Answer) -> Page:
    """The checkout page that came with 200."""
    found = {name: unescape(value) for name, value in _FIELD.findall(answer.text)}
    return Page(found, _SECRET.search(answer.text)[1])
