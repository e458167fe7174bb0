"""A local stand-in for Stripe for development and tests: HTTP API, Stripe.js, webhooks.

The line `pyramid.includes = bookshop.sandbox` starts it next to the shop and points the shop's
settings at it. Without the line the shop uses Stripe. The sandbox imports nothing of the shop.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from pyramid.events import ApplicationCreated

from bookshop.sandbox.options import Options, OptionsError
from bookshop.sandbox.server import PortTakenError, SandboxServer, is_sandbox_at

LOG = logging.getLogger(__name__)


def includeme(config: Any) -> None:
    """Point the shop at the sandbox, and start the sandbox when the application is created.

    If the sandbox cannot start, the program exits with status 2 and one line that says why. That
    happens late, so that the shop can report its own settings first.
    """
    settings = config.registry.settings
    try:
        options = _options(settings)
    except OptionsError as err:
        problem = err
        config.add_subscriber(lambda _: _exit(problem), ApplicationCreated)
        return
    server = SandboxServer(options)
    settings.setdefault("stripe.api_base", server.url)
    settings.setdefault("stripe.js_url", f"{server.url}/endive/stripe.js")
    config.add_subscriber(lambda _: _start(server), ApplicationCreated)


def _options(settings: Mapping[str, str]) -> Options:
    options = Options.from_settings(settings)
    if options.port == 0:
        raise OptionsError(
            "sandbox.listen: the shop needs a fixed port\n"
            "    write: sandbox.listen = localhost:6544"
        )
    return options


def _start(server: SandboxServer) -> None:
    try:
        server.start()
    except PortTakenError as err:
        if not is_sandbox_at(server.url, server.options.publishable_key):
            _exit(err)
        LOG.info("sandbox_reused", extra={"url": server.url})
    except OptionsError as err:
        _exit(err)
    else:
        LOG.info("sandbox_started", extra={"dashboard": server.url})


def _exit(error: OptionsError) -> NoReturn:
    sys.stderr.write(f"The sandbox did not start.\n  {error}\n")
    raise SystemExit(2) from error
