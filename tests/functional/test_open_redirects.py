"""No address of another's gets into what the shop answers: into redirects, links, or headers."""

import re
from urllib.parse import urlsplit

import pytest
from webtest import TestApp

from tests.demo_books import MOSS
from tests.shops import intent_of, pay_form

SITE = "https://books.example"
EVIL = "evil.example"
ELSEWHERE = ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)")
WHERE_TO = ("next", "came_from", "return_url", "redirect", "url", "continue")
LIES = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Prefix": "//evil.example",
    "Forwarded": f"host={EVIL}",
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"https://{EVIL}/",
}


@pytest.fixture
def https(make_shop):
    """A shop served over https, and a browser that sends what browsers send."""
    shop = make_shop(bookshop__url=SITE, bookshop__environment="staging")
    extra = {"HTTP_HOST": "books.example", "wsgi.url_scheme": "https", "HTTP_ORIGIN": SITE}
    return TestApp(shop.wsgi, extra_environ=extra)


@pytest.fixture
def bought(https):
    """That browser has an order, which nobody has paid yet: its number and its PaymentIntent."""
    page = https.get("/checkout", {"item": MOSS})
    return pay_form(page)["order"], intent_of(page)


def redirects(browser, intent, number):
    """What each view of the shop that sends a browser on answers."""
    token = pay_form(browser.get("/checkout", {"order": number}))["csrf_token"]
    secret = browser.get("/checkout", {"order": number}).text
    (secret,) = set(re.findall(rf"{intent}_secret_\w+", secret))
    asked = {"payment_intent": intent, "payment_intent_client_secret": secret}
    form = {"item": MOSS, "confirm": "1", "csrf_token": token}
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    own = {"Host": EVIL, "Cookie": cookies}
    yield lambda more, lies: browser.get("/success", {**asked, **more}, headers={**lies, **own})
    yield lambda more, lies: browser.post("/checkout", {**form, **more}, headers={**lies, **own})


def test_redirects_stay_in_the_shop(https, bought):
    number, intent = bought
    for go in redirects(https, intent, number):
        for target in ELSEWHERE:
            told = go(dict.fromkeys(WHERE_TO, target), {"Referer": target} | LIES)
            assert told.status_int == 303
            location = urlsplit(told.headers["Location"])
            assert (location.scheme, location.netloc) in {("https", "books.example"), ("", "")}
            assert EVIL not in told.headers["Location"]


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/x", "/%5cevil.example/"])
def test_a_path_that_looks_like_a_url_is_not_redirected(https, path):
    told = https.get(path, expect_errors=True)
    assert told.status_int == 404
    assert EVIL not in str(told.headers)


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/orders/", "/sitemap.xml"])
def test_host_headers_do_not_get_into_responses(https, path):
    told = https.get(path, headers={**LIES, "Host": EVIL})
    assert EVIL not in told.text
    assert EVIL not in str(told.headers)


def test_a_form_of_another_origin_is_refused(https, bought):
    page = https.get("/checkout", {"item": MOSS})
    form = {**pay_form(page), "email": "ada@reader.example"}
    for origin in (f"https://{EVIL}", "null", "http://books.example", f"{SITE}.evil.example"):
        https.post("/checkout", form, headers={"Origin": origin}, status=400)
    https.post("/checkout", form, status=200)


@pytest.mark.parametrize("line", ["%0d%0aX-Planted:%20yes", "%E5%98%8A%E5%98%8DX-Planted:%20yes"])
def test_header_injection_is_refused(https, bought, line):
    _number, intent = bought
    for path in (
        f"/{line}",
        f"/books/{line}",
        f"/books/?q={line}",
        f"/checkout?item={line}",
        f"/success?pi={intent}{line}",
        f"/orders/{line}?key={line}",
    ):
        told = https.get(path, expect_errors=True)
        assert told.status_int < 500
        assert "X-Planted" not in told.headers
        assert not re.search(r"[\r\n]", "".join(told.headers.values()))


def test_request_ids_cannot_inject_headers(https):
    for planted in ("x\tSet-Cookie: a=b", "<script>", "x" * 5_000, 'a"b'):
        told = https.get("/orders/", headers={"X-Request-Id": planted})
        assert re.fullmatch(r"[\w-]{1,64}", told.headers["X-Request-Id"])


def test_cookies_are_httponly_secure_and_samesite(https, bought):
    told = https.get("/checkout", {"item": MOSS})
    https.reset()
    told = https.get("/checkout", {"item": MOSS})
    cookies = told.headers.getall("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= attributes
        assert not any(each.startswith("domain") for each in attributes)
