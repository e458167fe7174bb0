"""The shop as its customers reach it: by its public address, through its proxy, over https."""

from __future__ import annotations

from collections.abc import Iterator

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from bookshop.ops.check.findings import Finding, error, warning
from bookshop.settings import ShopSettings

KEY = "bookshop.url"
LIVE = "/health/live"
TIMEOUT = 5  # seconds
WHY = "customers find no shop there, and Stripe nobody to tell"


def look(shop: ShopSettings, *, pool: urllib3.PoolManager | None = None) -> Iterator[Finding]:
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
        if shop.url.startswith("https://"):
            yield from _plain(shop, pool)


def _plain(shop: ShopSettings, pool: urllib3.PoolManager) -> Iterator[Finding]:
    plain = _as_plain(shop.url)
    try:
        answer = pool.request("GET", plain, redirect=False)
    except HTTPError:
        return  # nobody there, and nothing to be led astray by
    to = answer.headers.get("Location", "")
    if not to.startswith("https://"):
        yield warning(
            KEY,
            f"{plain} does not lead to https",
            "have the proxy redirect it",
            "who types the address without https is talked to in the open",
        )


def _as_plain(url: str) -> str:
    return "http://" + url.removeprefix("https://")


def _reason(err: SSLError) -> str:
    return str(err.args[0] if err.args else err)
