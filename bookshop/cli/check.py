"""`bookshop check`."""

from __future__ import annotations

import configparser
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from bookshop.cli.shop import SettingsFault, ShopContext, print_json
from bookshop.ops import check as checks
from bookshop.ops.check.findings import Finding
from bookshop.ops.check.ini import APP, SERVER, Ini
from bookshop.ops.server import DEFAULTS
from bookshop.settings import SettingsError

COLOURS = {"error": "red", "warning": "yellow"}
OF_SERVER = {
    *DEFAULTS,
    *("clear_untrusted_proxy_headers", "expose_tracebacks", "host", "listen", "use"),
    *("trusted_proxy", "trusted_proxy_headers"),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--offline", is_flag=True, help="Ask neither Stripe nor the mail server.")
@click.pass_obj
@click.pass_context
def check(context: click.Context, shop: ShopContext, *, as_json: bool, offline: bool) -> None:
    """Find what is wrong with the shop, and say what to write.

    Asks the database, Stripe, the mail server and the shop's public address. Exit codes: 0 nothing
    is wrong, 1 something is to be mended, 2 the settings stop the shop from starting.
    """
    exit_code = 1
    ini = _ini(shop)
    try:
        found = checks.check(shop.registry, ini, offline=offline)
    except SettingsFault as fault:
        if not isinstance(fault.__cause__, SettingsError):
            raise
        exit_code = SettingsFault.exit_code
        found = checks.check_settings(fault.__cause__, ini)
    if as_json:
        print_json({"findings": [_told(finding, ini) for finding in found]})
    else:
        _print(found, ini)
    context.exit(exit_code if found else 0)


def _ini(shop: ShopContext) -> Ini:
    try:
        return Ini(shop.ini)
    except (configparser.Error, OSError, UnicodeError) as err:
        message = f"{shop.ini} cannot be read: {err}"
        raise SettingsFault(message) from err


def _told(finding: Finding, ini: Ini) -> dict[str, Any]:
    place = ini.place(finding.key, SERVER if finding.key in OF_SERVER else APP)
    return {**asdict(finding), "file": str(place.file), "line": place.line}


def _print(findings: list[Finding], ini: Ini) -> None:
    if not findings:
        click.echo("Everything is fine.")
        return
    console = Console(soft_wrap=True, highlight=False)
    for finding in findings:
        told = _told(finding, ini)
        colour = COLOURS[finding.severity]
        place = f"{told['file']}:{told['line']}"
        console.print(f"[{colour}]{finding.severity}[/] [bold]{finding.key}[/]  {escape(place)}")
        console.print(f"  {escape(finding.problem)}: {escape(finding.why)}")
        console.print(f"  write or run: {escape(finding.fix)}\n")
    count = len(findings)
    console.print("1 thing is to be mended." if count == 1 else f"{count} things are to be mended.")
