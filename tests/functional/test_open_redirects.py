"""Open redirects and header injection: no foreign address gets into redirects, links or headers."""

import re
from urllib.parse import urlsplit

import pytest
from webtest import TestApp

from tests.demo_books import MOSS
from tests.shops import intent_of, pay_form

SITE = "https://books.example"
EVIL = "evil.example"
TARGETS = ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)")
PARAMETERS = ("next", "came_from", "return_url", "redirect", "url", "continue")
FORGED_HEADERS = {
    "X-Forwarded-Host": EVIL,
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Prefix": "//evil.example",
    "Forwarded": f"host={EVIL}",
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"https://{EVIL}/",
}


@pytest.fixture
def https(make_shop):
    """A browser at a shop that is served over https."""
    shop = make_shop(bookshop__url=SITE, bookshop__environment="staging")
    extra = {"HTTP_HOST": "books.example", "wsgi.url_scheme": "https", "HTTP_ORIGIN": SITE}
    return TestApp(shop.wsgi, extra_environ=extra)


@pytest.fixture
def bought(https):
    """An unpaid order of that browser: its number and its PaymentIntent."""
    page = https.get("/checkout", {"item": MOSS})
    return pay_form(page)["order"], intent_of(page)


def redirects(browser, intent, number):
    """Yield a function that requests each view that redirects."""
    token = pay_form(browser.get("/checkout", {"order": number}))["csrf_token"]
    secret = browser.get("/checkout", {"order": number}).text
    (secret,) = set(re.findall(rf"{intent}_secret_\w+", secret))
    asked = {"payment_intent": intent, "payment_intent_client_secret": secret}
    form = {"item": MOSS, "confirm": "1", "csrf_token": token}
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    own = {"Host": EVIL, "Cookie": cookies}
    yield lambda more, forged: browser.get("/success", {**asked, **more}, headers={**forged, **own})
    yield lambda more, forged: browser.post(
        "/checkout", {**form, **more}, headers={**forged, **own}
    )


def test_redirects_stay_in_the_shop(https, bought):
    number, intent = bought
    for go in redirects(https, intent, number):
        for target in TARGETS:
            response = go(dict.fromkeys(PARAMETERS, target), {"Referer": target} | FORGED_HEADERS)
            assert response.status_int == 303
            location = urlsplit(response.headers["Location"])
            assert (location.scheme, location.netloc) in {("https", "books.example"), ("", "")}
            assert EVIL not in response.headers["Location"]


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/x", "/%5cevil.example/"])
def test_a_path_that_looks_like_a_url_is_not_redirected(https, path):
    response = https.get(path, expect_errors=True)
    assert response.status_int == 404
    assert EVIL not in str(response.headers)


@pytest.mark.parametrize("path", ["/", "/books/", f"/books/{MOSS}", "/orders/", "/sitemap.xml"])
def test_host_headers_do_not_get_into_responses(https, path):
    response = https.get(path, headers={**FORGED_HEADERS, "Host": EVIL})
    assert EVIL not in response.text
    assert EVIL not in str(response.headers)


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
        response = https.get(path, expect_errors=True)
        assert response.status_int < 500
        assert "X-Planted" not in response.headers
        assert not re.search(r"[\r\n]", "".join(response.headers.values()))


def test_request_ids_cannot_inject_headers(https):
    for planted in ("x\tSet-Cookie: a=b", "<script>", "x" * 5_000, 'a"b'):
        response = https.get("/orders/", headers={"X-Request-Id": planted})
        assert re.fullmatch(r"[\w-]{1,64}", response.headers["X-Request-Id"])


def test_cookies_are_httponly_secure_and_samesite(https):
    https.reset()
    response = https.get("/checkout", {"item": MOSS})
    cookies = response.headers.getall("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "secure", "samesite=lax", "path=/"} <= attributes
        assert not any(each.startswith("domain") for each in attributes)
