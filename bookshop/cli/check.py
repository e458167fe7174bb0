"""`bookshop check`."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from bookshop.cli.shop import SettingsFault, ShopContext, print_json
from bookshop.ops.check import Finding, check_database
from bookshop.settings import SettingsError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
@click.pass_context
def check(context: click.Context, shop: ShopContext, *, as_json: bool) -> None:
    """Find what is wrong with the settings and the database, and say what to write."""
    exit_code = 1
    try:
        findings = check_database(shop.registry)
    except SettingsFault as fault:
        if not isinstance(fault.__cause__, SettingsError):
            raise
        exit_code = SettingsFault.exit_code
        findings = [
            Finding("error", problem.key, problem.problem, problem.fix)
            for problem in fault.__cause__.problems
        ]
    if as_json:
        print_json({"findings": [vars(finding) for finding in findings]})
    else:
        _print(findings)
    context.exit(exit_code if findings else 0)


def _print(findings: list[Finding]) -> None:
    if not findings:
        click.echo("Everything is fine.")
        return
    table = Table("severity", "key", "problem", "write")
    for finding in findings:
        table.add_row(finding.severity, finding.key, finding.problem, finding.fix)
    Console().print(table)
