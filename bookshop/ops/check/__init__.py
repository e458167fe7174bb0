"""`bookshop check`: all that can be wrong with a shop, before its customers notice."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from pyramid.registry import Registry

from bookshop.ops.check import database, files, mail, server, stripe, web
from bookshop.ops.check.findings import Finding, error
from bookshop.ops.check.ini import Ini
from bookshop.settings import SettingsError

LOG = logging.getLogger(__name__)
Look = Callable[[], Iterable[Finding]]


def check_settings(fault: SettingsError, ini: Ini) -> list[Finding]:
    """What settings are refused for, and what the INI shows without them."""
    why = "the shop does not start"
    refused = [error(each.key, each.problem, each.fix, why) for each in fault.problems]
    return _sorted([*refused, *_looked("use", lambda: server.run_checks(ini))])


def check(registry: Registry, ini: Ini, *, offline: bool = False) -> list[Finding]:
    """Everything, the worst first. Whoever is asked outside is asked at the same time.

    `offline` asks nobody but this machine and the database.
    """
    settings = registry.bookshop
    looks: dict[str, Look] = {
        "use": lambda: server.run_checks(ini, settings),
        "bookshop.var": lambda: files.run_checks(settings, ini),
        "sqlalchemy.url": lambda: database.run_checks(registry),
    }
    if not offline:
        looks["stripe.api_base"] = lambda: stripe.run_checks(registry)
        looks["mail.host"] = lambda: mail.run_checks(registry)
        if settings.shop.environment != "development":
            looks["bookshop.url"] = lambda: web.run_checks(settings.shop)
    with ThreadPoolExecutor(len(looks)) as pool:
        found = [each for some in pool.map(_looked, looks, looks.values()) for each in some]
    return _sorted(found)


def _looked(key: str, look: Look) -> list[Finding]:
    """What one look finds, also when it does not come to its end: it hides no other's findings."""
    found = []
    try:
        for finding in look():
            found.append(finding)  # noqa: PERF402 - what came before a fault counts
    except Exception as err:
        LOG.exception("looking at %s failed", key)
        problem = f"it cannot be looked at ({type(err).__name__})"
        fix = "mend what that says, or report it as a fault of the shop"
        found.append(error(key, problem, fix, "what is wrong there stays unseen"))
    return found


def _sorted(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: finding.severity)  # errors come before warnings
