"""The shop that a command is about, put together when a command first asks for it."""

from __future__ import annotations

import configparser
import getpass
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import plaster
from pyramid.registry import Registry
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from bookshop import configure
from bookshop.ops.check.database import check_database
from bookshop.services import Services, services
from bookshop.settings import SettingsError, expand


class SettingsFault(click.ClickException):
    """Settings that cannot be used; the text lists all that is wrong."""

    exit_code = 2


class ShopContext:
    """The INI that the command line names."""

    def __init__(self, ini: Path) -> None:
        self.ini = ini

    @cached_property
    def section(self) -> dict[str, str]:
        """The `[app:main]` of the INI, whatever it inherits, with `${NAME}` filled in."""
        if not self.ini.is_file():
            message = f"There is no file {self.ini}. Name the shop's INI with --config."
            raise SettingsFault(message)
        # A path may hold what a URI may not, such as a blank.
        location = plaster.PlasterURL("file+ini", path=str(self.ini.resolve()))
        try:
            loader = plaster.get_loader(location, protocols=["wsgi"])
            found = loader.get_wsgi_app_settings()
        except (LookupError, ValueError, OSError, configparser.Error) as err:
            message = f"{self.ini} cannot be read: {err}"
            raise SettingsFault(message) from err
        return expand(found)

    @cached_property
    def registry(self) -> Registry:
        """The registry of the shop: settings, engine, sessions, payments."""
        # Commands print what they have to say; they are no server with a log.
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
        try:
            return configure(self.section).registry
        except SettingsError as err:
            raise SettingsFault(str(err)) from err

    @property
    def services(self) -> Services:
        """The services of the shop: settings, engine, sessions, payments."""
        return services(self.registry)

    def session(self, *, writing: bool = False) -> Session:
        """A session on the shop's database, which has to be there and of this version.

        Who is `writing` is told to wait while nothing may be written.
        """
        for finding in check_database(self.registry):
            message = f"{finding.key}: {finding.problem}. Write or run: {finding.fix}"
            raise click.ClickException(message)
        if writing and services(self.registry).read_only.is_on():
            message = (
                "The shop is read only, as while it is migrated. Nothing was changed: try again"
                " later, and see bookshop check if that lasts."
            )
            raise click.ClickException(message)
        session: Session = services(self.registry).sessions()
        return session


@contextmanager
def answering() -> Iterator[None]:
    """Say so, and no traceback, where the database is busy or gone: nothing is half done then."""
    try:
        yield
    except SQLAlchemyError as err:
        message = f"The database does not answer ({type(err).__name__}): try again."
        raise click.ClickException(message) from err


def who() -> str:
    """Who gives the command, for the history of what it changes."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def print_json(report: Any) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(report, ensure_ascii=False, indent=2))
