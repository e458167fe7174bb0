"""`bookshop check`: all that can be wrong with a shop, before its customers notice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from pyramid.registry import Registry

from bookshop.ops.check import database, files, mail, server, stripe, web
from bookshop.ops.check.findings import Finding, error
from bookshop.ops.check.ini import Ini
from bookshop.settings import SettingsError

Look = Callable[[], Iterable[Finding]]


def check_settings(fault: SettingsError) -> Iterator[Finding]:
    """What settings are refused for."""
    for each in fault.problems:
        yield error(each.key, each.problem, each.fix, "the shop does not start")


def check(registry: Registry, ini: Ini, *, offline: bool = False) -> list[Finding]:
    """Everything, the worst first. Whoever is asked outside is asked at the same time.

    `offline` asks nobody but this machine and the database.
    """
    settings = registry.bookshop
    looks: list[Look] = [
        lambda: server.look(settings, ini),
        lambda: files.look(settings, ini),
        lambda: database.look(registry),
    ]
    if not offline:
        looks += [lambda: stripe.look(registry), lambda: mail.look(registry)]
        if settings.shop.environment != "development":
            looks.append(lambda: web.look(settings.shop))
    with ThreadPoolExecutor(len(looks)) as pool:
        found = [each for some in pool.map(lambda look: list(look()), looks) for each in some]
    return sorted(found, key=lambda finding: finding.severity)  # errors come before warnings
