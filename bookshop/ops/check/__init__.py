"""`bookshop check`: settings, database, files, Stripe, mail, server and public address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pyramid.registry import Registry

from bookshop.ops.check import database, files, mail, server, starter, stripe, theme, web
from bookshop.ops.check import shop as shop_settings
from bookshop.ops.check.findings import Finding, error
from bookshop.ops.check.ini import APP, Ini
from bookshop.services import services
from bookshop.settings import KEYS, SettingsError
from bookshop.settings.errors import advise_file

LOG = logging.getLogger(__name__)
Check = Callable[[], Iterable[Finding]]


def check_settings(fault: SettingsError, ini: Ini) -> list[Finding]:
    """Return a finding for each refused setting, and those of `[server:main]`."""
    why = "the shop does not start"
    refused = [
        error("invalid_setting", each.key, each.problem, each.fix, why) for each in fault.problems
    ]
    return _sorted([*refused, *_run("use", lambda: server.run_checks(ini))])


def check(registry: Registry, ini: Ini, *, offline: bool = False) -> list[Finding]:
    """Run all checks at the same time, and return their findings, errors first.

    `offline` skips the checks that need Stripe, the mail server or the public address. So does a
    shop in development that has not been started: there is no sandbox yet.
    """
    shop = services(registry)
    settings = shop.settings
    checks: dict[str, Check] = {
        "use": lambda: server.run_checks(ini, settings),
        "bookshop.var": lambda: files.run_checks(settings, ini),
        "bookshop.timezone": lambda: shop_settings.run_checks(settings.shop),
        "sqlalchemy.url": lambda: database.run_checks(shop),
        "bookshop.theme": lambda: theme.run_checks(registry),
        "bookshop.name": lambda: starter.run_checks(shop),
    }
    if not offline and not database.is_not_started(shop):
        checks["stripe.api_base"] = lambda: stripe.run_checks(shop)
        checks["mail.host"] = lambda: mail.run_checks(shop)
        if settings.shop.environment != "development":
            checks["bookshop.url"] = lambda: web.run_checks(settings.shop)
    with ThreadPoolExecutor(len(checks)) as pool:
        results = pool.map(_run, checks, checks.values())
        found = [finding for findings in results for finding in findings]
    return _sorted([_with_files(finding, ini.section(APP)) for finding in found])


def _with_files(finding: Finding, section: Mapping[str, str]) -> Finding:
    """Return the finding with advice about files for the secrets that the INI keeps in files."""
    fix = finding.fix
    for key in (name for name in KEYS if section.get(f"{name}_file")):
        fix = advise_file(fix, key, section[f"{key}_file"])
    return replace(finding, fix=fix)


def _run(key: str, run_checks: Check) -> list[Finding]:
    """Return the findings of one group of checks; an exception becomes a finding as well."""
    findings = []
    try:
        for finding in run_checks():
            findings.append(finding)  # noqa: PERF402 - keeps what was found before an exception
    except Exception as err:
        LOG.exception("check_failed", extra={"key": key})
        problem = f"the check failed ({type(err).__name__})"
        fix = "correct what the message above names, or report a bug of the shop"
        findings.append(error("check_failed", key, problem, fix, "faults there stay undetected"))
    return findings


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.severity)  # "error" before "warning"
