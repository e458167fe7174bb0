"""A stand-in for Stripe to develop and test against: its HTTP API, its Stripe.js, its webhooks.

The one line `pyramid.includes = bookshop.sandbox` starts it beside the shop and points the shop's
settings at it. Leaving the line out leaves real Stripe. The sandbox imports nothing of the shop.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from pyramid.events import ApplicationCreated

from bookshop.sandbox.options import Options, OptionsError
from bookshop.sandbox.server import PortTakenError, SandboxServer, answers

LOG = logging.getLogger(__name__)


def includeme(config: Any) -> None:
    """Point the shop at the sandbox, and start it when the shop is made.

    Then the program exits with status 2 and a line that says why, where the sandbox can't start:
    until then the shop may have more to say about its settings.
    """
    settings = config.registry.settings
    try:
        options = _options(settings)
    except OptionsError as err:
        problem = err
        config.add_subscriber(lambda _: _give_up(problem), ApplicationCreated)
        return
    server = SandboxServer(options)
    settings.setdefault("stripe.api_base", server.url)
    settings.setdefault("stripe.js_url", f"{server.url}/endive/stripe.js")
    config.add_subscriber(lambda _: _start(server), ApplicationCreated)


def _options(settings: Mapping[str, str]) -> Options:
    options = Options.from_settings(settings)
    if options.port == 0:
        raise OptionsError(
            "sandbox.listen: the shop has to know the port beforehand\n"
            "    write: sandbox.listen = localhost:6544"
        )
    return options


def _start(server: SandboxServer) -> None:
    try:
        server.start()
    except PortTakenError as err:
        if not answers(server.url, server.options.publishable_key):
            _give_up(err)
        LOG.info("using the sandbox that runs at %s already", server.url)
    except OptionsError as err:
        _give_up(err)
    else:
        LOG.info("the sandbox's dashboard is at %s", server.url)


def _give_up(error: OptionsError) -> NoReturn:
    sys.stderr.write(f"The sandbox did not start.\n  {error}\n")
    raise SystemExit(2) from error
