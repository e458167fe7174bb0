"""Bringing the database to this version's schema, with Alembic."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

LOCATION = "bookshop:migrations"


def configuration(engine: Engine) -> Config:
    """Alembic's configuration; there is no alembic.ini, since the shop's INI names the database."""
    config = Config()
    config.set_main_option("script_location", LOCATION)
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> None:
    """Migrate to the newest revision. A database that is there already is left alone."""
    if not is_current(engine):
        command.upgrade(configuration(engine), "head")


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision. It is not made by being looked at."""
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return False
    newest = ScriptDirectory.from_config(configuration(engine)).get_heads()
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_heads() == tuple(newest)
