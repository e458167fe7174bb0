"""Checks of the public address: the shop answers there, over https, through its proxy."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from bookshop.ops.check.findings import Finding, error, warning
from bookshop.settings import ShopSettings

KEY = "bookshop.url"
LIVE = "/health/live"
STYLES, CSS = "/static/base.css", "text/css; charset=utf-8"
TIMEOUT = 5  # seconds
WHY = "neither customers nor Stripe reach the shop"


def run_checks(shop: ShopSettings, *, pool: urllib3.PoolManager | None = None) -> Iterator[Finding]:
    """Yield all findings about the public address."""
    pool = pool or urllib3.PoolManager(timeout=TIMEOUT, retries=False)
    with pool:
        try:
            response = pool.request("GET", shop.url + LIVE, redirect=False)
        except SSLError as err:
            problem = f"the certificate of {shop.url} is not trusted ({_reason(err)})"
            fix = "install a valid certificate at the proxy"
            yield error("certificate_not_trusted", KEY, problem, fix, WHY)
            return
        except HTTPError as err:
            problem = f"{shop.url} does not respond ({type(err).__name__})"
            fix = f"start the shop and its proxy, or {KEY} = …"
            yield warning("address_unavailable", KEY, problem, fix, WHY)
            return
        if response.data.strip() != b"alive":
            problem = f"{shop.url}{LIVE} is not answered by a shop (status {response.status})"
            fix = f"correct the proxy's settings, or {KEY} = …"
            yield error("address_not_a_shop", KEY, problem, fix, WHY)
            return
        yield from _check_static_files(shop, pool)
        if shop.url.startswith("https://"):
            yield from _check_redirect(shop, pool)


def _check_static_files(shop: ShopSettings, pool: urllib3.PoolManager) -> Iterator[Finding]:
    try:
        response = pool.request("GET", shop.url + STYLES, redirect=False)
    except HTTPError as err:
        result = type(err).__name__
    else:
        content_type = response.headers.get("Content-Type", "no type")
        if response.status == HTTPStatus.OK and content_type == CSS:
            return
        result = f"status {response.status}, {content_type}"
    yield error(
        "static_files_not_forwarded",
        KEY,
        f"{shop.url}{STYLES} is not the shop's style sheet ({result})",
        "let the proxy forward /static/ to the shop like any other path",
        "pages have no styles, and the checkout has no script",
    )


def _check_redirect(shop: ShopSettings, pool: urllib3.PoolManager) -> Iterator[Finding]:
    plain = _plain_address(shop.url)
    try:
        response = pool.request("GET", plain, redirect=False)
    except HTTPError:
        return  # nothing answers plain http, so there is nothing to redirect
    target = response.headers.get("Location", "")
    if not f"{target}/".startswith(f"{shop.url}/"):
        yield warning(
            "http_not_redirected",
            KEY,
            f"{plain} does not redirect to {shop.url}" + (f", but to {target}" if target else ""),
            "let the proxy redirect it",
            "customers who type the address without https get an unencrypted page",
        )


def _plain_address(url: str) -> str:
    return "http://" + url.removeprefix("https://")


def _reason(err: SSLError) -> str:
    return str(err.args[0] if err.args else err)
