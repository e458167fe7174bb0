"""The shop that a command works on, configured when the command first uses it."""

from __future__ import annotations

import configparser
import getpass
import json
import logging
import os
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import plaster
from pyramid.registry import Registry
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bookshop import clock, configure
from bookshop.db import reason_of
from bookshop.ops.check.database import check_database
from bookshop.redaction import printable
from bookshop.services import Services, services
from bookshop.settings import SettingsError, expand

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


class InvalidSettingsError(click.ClickException):
    """The settings cannot be used; the text lists every problem."""

    exit_code = 2


class ShopContext:
    """The shop of the INI that `--config` names."""

    def __init__(self, ini: Path) -> None:
        self.ini = ini

    @cached_property
    def section(self) -> dict[str, str]:
        """The values of `[app:main]`, inherited ones included, with `${NAME}` replaced."""
        if not self.ini.is_file():
            message = f"The file {self.ini} does not exist. Name the shop's INI with --config."
            raise InvalidSettingsError(message)
        # A path may contain characters that a URI may not, such as a space.
        location = plaster.PlasterURL("file+ini", path=str(self.ini.resolve()))
        try:
            loader = plaster.get_loader(location, protocols=["wsgi"])
            values = loader.get_wsgi_app_settings()
        except (LookupError, ValueError, OSError, configparser.Error) as err:
            message = f"{self.ini} cannot be read: {err}"
            raise InvalidSettingsError(message) from err
        return expand(values)

    @cached_property
    def registry(self) -> Registry:
        """The shop's registry. Raises InvalidSettingsError."""
        # A command prints its results; its log shows only warnings and errors.
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
        try:
            return configure(self.section).registry
        except SettingsError as err:
            raise InvalidSettingsError(str(err)) from err

    @property
    def services(self) -> Services:
        """The shop's services: settings, engine, sessions, payments."""
        return services(self.registry)

    def local_minute(self, moment: datetime | str) -> str:
        """Return a time, also one of JSON data, as the shop's staff read it."""
        at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return clock.local_minute(at, self.services.settings.shop.timezone)

    def session(self, *, writing: bool = False) -> Session:
        """Return a session, after checking that the shop can work with its database.

        `writing` also requires that the shop is not read-only. Raises click.ClickException.
        """
        for finding in check_database(self.services):
            message = f"{finding.key}: {finding.problem}. Write or run: {finding.fix}"
            raise click.ClickException(message)
        if writing and self.services.read_only.is_on():
            message = (
                "The shop is read-only, as during a migration. Nothing was changed. Try again"
                " later; if this lasts, run bookshop check."
            )
            raise click.ClickException(message)
        # A session that only reads does not wait for writers.
        return self.services.sessions() if writing else Session(self.services.engine)


class CommandGroup(click.Group):
    """The commands of the shop. A database error ends any of them with a message."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named. Its open transaction was rolled back on an error."""
        try:
            return super().invoke(ctx)
        except SQLAlchemyError as err:
            message = f"The database failed: {reason_of(err)}. Try again, or run bookshop check."
            raise click.ClickException(message) from err


def current_user() -> str:
    """Return the name of the user who runs the command, for audit entries."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def print_json(report: Any) -> None:
    """Print a JSON object on standard output."""
    text = json.dumps(report, ensure_ascii=False, indent=2)
    # A lone surrogate has no encoding: it is written as JSON escapes it.
    click.echo(text.encode("utf-8", "backslashreplace"))


def print_line(text: str) -> None:
    """Print a text that contains data of customers, feeds or servers, on one line."""
    click.echo(printable(text))
