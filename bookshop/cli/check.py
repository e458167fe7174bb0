"""`bookshop check`."""

from __future__ import annotations

import configparser
from dataclasses import asdict

import click
from rich.console import Console
from rich.markup import escape

from bookshop.cli.shop import InvalidSettingsError, ShopContext, json_option, print_json
from bookshop.ops import check as checks
from bookshop.ops.check.findings import Finding
from bookshop.ops.check.ini import APP, SERVER, Ini, Place
from bookshop.ops.server import DEFAULTS
from bookshop.settings import SettingsError

COLOURS = {"error": "red", "warning": "yellow"}
SERVER_KEYS = {
    *DEFAULTS,
    *("clear_untrusted_proxy_headers", "expose_tracebacks", "host", "listen", "use"),
    *("trusted_proxy", "trusted_proxy_headers"),
}


@click.command(short_help="Check the shop, and print what to fix.")
@json_option
@click.option(
    "--offline",
    is_flag=True,
    help="Skip what needs Stripe, the mail server or the shop's public address.",
)
@click.pass_obj
@click.pass_context
def check(context: click.Context, shop: ShopContext, *, as_json: bool, offline: bool) -> None:
    """Check settings, database, files, Stripe, mail and the shop's public address.

    Each finding has a code, the file and line of its setting, the reason why it matters, and what
    to write or run. Exit codes: 0 no findings, 1 findings, 2 the shop cannot start with these
    settings.
    """
    exit_code = 1
    ini = _read_ini(shop)
    try:
        findings = checks.check(shop.registry, ini, offline=offline)
    except InvalidSettingsError as fault:
        if not isinstance(fault.__cause__, SettingsError):
            raise
        exit_code = InvalidSettingsError.exit_code
        findings = checks.check_settings(fault.__cause__, ini)
    if as_json:
        print_json({"findings": [_as_json(finding, ini) for finding in findings]})
    else:
        _print(findings, ini)
    context.exit(exit_code if findings else 0)


def _read_ini(shop: ShopContext) -> Ini:
    try:
        return Ini(shop.ini)
    except (configparser.Error, OSError, UnicodeError) as err:
        message = f"{shop.ini} cannot be read: {err}"
        raise InvalidSettingsError(message) from err


def _place(finding: Finding, ini: Ini) -> Place:
    return ini.place(finding.key, SERVER if finding.key in SERVER_KEYS else APP)


def _as_json(finding: Finding, ini: Ini) -> dict[str, str | int]:
    place = _place(finding, ini)
    return {**asdict(finding), "file": str(place.file), "line": place.line}


def _print(findings: list[Finding], ini: Ini) -> None:
    if not findings:
        click.echo("No problems found.")
        return
    console = Console(soft_wrap=True, highlight=False)
    for finding in findings:
        place = _place(finding, ini)
        severity = f"[{COLOURS[finding.severity]}]{finding.severity}[/]"
        console.print(f"{severity} {finding.code}  {escape(f'{place.file}:{place.line}')}")
        console.print(f"  Problem: [bold]{escape(finding.key)}[/]: {escape(finding.problem)}")
        console.print(f"  Why it matters: {escape(finding.why)}")
        console.print(f"  Write or run: {escape(finding.fix)}\n")
    count = len(findings)
    click.echo("1 problem found." if count == 1 else f"{count} problems found.")
