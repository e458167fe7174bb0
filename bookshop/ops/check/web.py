"""The shop as its customers reach it: by its public address, through its proxy, over https."""

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
WHY = "customers find no shop there, and Stripe nobody to tell"


def run_checks(shop: ShopSettings, *, pool: urllib3.PoolManager | None = None) -> Iterator[Finding]:
    """Whether the shop answers at its address, and nobody else."""
    pool = pool or urllib3.PoolManager(timeout=TIMEOUT, retries=False)
    with pool:
        try:
            answer = pool.request("GET", shop.url + LIVE, redirect=False)
        except SSLError as err:
            fix = "see to the proxy's certificate"
            yield error(KEY, f"{shop.url} cannot be trusted: {_reason(err)}", fix, WHY)
            return
        except HTTPError as err:
            fix = f"start the shop and its proxy, or {KEY} = …"
            yield warning(KEY, f"{shop.url} does not answer: {type(err).__name__}", fix, WHY)
            return
        if answer.data.strip() != b"alive":
            problem = f"{shop.url}{LIVE} is not answered by a shop (status {answer.status})"
            yield error(KEY, problem, f"see to the proxy, or {KEY} = …", WHY)
            return
        yield from _files(shop, pool)
        if shop.url.startswith("https://"):
            yield from _plain(shop, pool)


def _files(shop: ShopSettings, pool: urllib3.PoolManager) -> Iterator[Finding]:
    try:
        answer = pool.request("GET", shop.url + STYLES, redirect=False)
    except HTTPError as err:
        found = type(err).__name__
    else:
        if answer.status == HTTPStatus.OK and answer.headers.get("Content-Type", "") == CSS:
            return
        found = f"status {answer.status}, {answer.headers.get('Content-Type', 'no type')}"
    yield error(
        KEY,
        f"{shop.url}{STYLES} is not the shop's style sheet ({found})",
        "have the proxy hand on /static/ as it hands on everything",
        "customers see bare pages, and the checkout's script is missing",
    )


def _plain(shop: ShopSettings, pool: urllib3.PoolManager) -> Iterator[Finding]:
    plain = _as_plain(shop.url)
    try:
        answer = pool.request("GET", plain, redirect=False)
    except HTTPError:
        return  # nobody there, and nothing to be led astray by
    to = answer.headers.get("Location", "")
    if not f"{to}/".startswith(f"{shop.url}/"):
        yield warning(
            KEY,
            f"{plain} does not lead to {shop.url}" + (f", but to {to}" if to else ""),
            "have the proxy redirect it",
            "who types the address without https is talked to in the open",
        )


def _as_plain(url: str) -> str:
    return "http://" + url.removeprefix("https://")


def _reason(err: SSLError) -> str:
    return str(err.args[0] if err.args else err)
