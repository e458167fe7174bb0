"""Fixtures for browser tests: Chromium, and a shop with its sandbox behind real servers."""

from contextlib import contextmanager
from functools import partial

import browser
import pytest

from tests.shops import Controls, Served, Shop, start_sandbox

# Chromium contacts its vendor's services by default; tests allow loopback only.
_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--no-first-run",
    "--no-sandbox",  # Chromium's sandbox does not start for root, nor in most containers.
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    arguments = {**browser_type_launch_args, "args": _FLAGS}
    if path := browser.on_path():
        arguments["executable_path"] = str(path)
    return arguments  # without a path Playwright uses its own browser, or reports it missing


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    """A desktop window with fixed settings, the same on every machine."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 900},
        "device_scale_factor": 1,
        "locale": "en-GB",
        "timezone_id": "Europe/London",
        "color_scheme": "light",
        "reduced_motion": "reduce",
    }


@pytest.fixture(scope="session")
def serving(template):
    """Starts a shop and its sandbox behind real servers that send each other requests."""
    return partial(_serving, template)


@pytest.fixture
def live(serving, tmp_path):
    with serving(tmp_path) as shop:
        yield shop


@contextmanager
def _serving(template, folder):
    shop = None
    served = Served(lambda environ, start: shop.wsgi(environ, start))  # noqa: PLW0108 - shop is None yet
    stripe = start_sandbox(folder, f"{served.url}/webhooks/stripe")
    shop = Shop(folder / "var", template, stripe.url, bookshop__url=served.url)
    shop.url = served.url
    shop.sandbox = Controls(stripe.url)
    yield shop
    stripe.stop()
    served.close()
    shop.close()
