"""`bookshop check`: settings, database, files, Stripe, mail, server and public address."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from bookshop.ops.check import database, files, mail, server, stripe, web
from bookshop.ops.check.findings import Finding, error
from bookshop.ops.check.ini import Ini
from bookshop.services import Services
from bookshop.settings import SettingsError

LOG = logging.getLogger(__name__)
Check = Callable[[], Iterable[Finding]]


def check_settings(fault: SettingsError, ini: Ini) -> list[Finding]:
    """Return a finding for each refused setting, and those of `[server:main]`."""
    why = "the shop does not start"
    refused = [
        error("invalid_setting", each.key, each.problem, each.fix, why) for each in fault.problems
    ]
    return _sorted([*refused, *_run("use", lambda: server.run_checks(ini))])


def check(shop: Services, ini: Ini, *, offline: bool = False) -> list[Finding]:
    """Run all checks at the same time, and return their findings, errors first.

    `offline` skips the checks that need Stripe, the mail server or the public address.
    """
    settings = shop.settings
    checks: dict[str, Check] = {
        "use": lambda: server.run_checks(ini, settings),
        "bookshop.var": lambda: files.run_checks(settings, ini),
        "sqlalchemy.url": lambda: database.run_checks(shop),
    }
    if not offline:
        checks["stripe.api_base"] = lambda: stripe.run_checks(shop)
        checks["mail.host"] = lambda: mail.run_checks(shop)
        if settings.shop.environment != "development":
            checks["bookshop.url"] = lambda: web.run_checks(settings.shop)
    with ThreadPoolExecutor(len(checks)) as pool:
        results = pool.map(_run, checks, checks.values())
        return _sorted([finding for findings in results for finding in findings])


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
