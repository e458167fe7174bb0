"""Bringing the database to this version's schema, with Alembic.

Each revision says whether it is `expand_only`: it adds what the version of the shop before it does
not know and does not miss, so that both may work on the database at once. The database itself
knows the oldest revision that its schema serves, since an older shop cannot read newer revisions.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.engine import Connection, Engine

LOCATION = "bookshop:migrations"
STATE = "shop_state"


class NewerSchemaError(Exception):
    """The database belongs to a newer version of the shop, with which this one cannot work."""


def configuration(engine: Engine) -> Config:
    """Alembic's configuration; there is no alembic.ini, since the shop's INI names the database."""
    config = Config()
    config.set_main_option("script_location", LOCATION)
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> None:
    """Migrate to the newest revision. A database that is there already is left alone.

    Raises NewerSchemaError.
    """
    if pending(engine):
        command.upgrade(configuration(engine), "head")


def pending(engine: Engine) -> list[Script]:
    """The revisions that the database lacks, the oldest first. Raises NewerSchemaError."""
    scripts, at = _scripts(), _revision(engine)
    if at is not None and at not in revisions():
        if is_usable(engine):
            return []
        raise NewerSchemaError(f"the database is of revision {at}, which is newer than the shop")
    return list(scripts.iterate_revisions("head", at or "base"))[::-1]


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision. It is not made by being looked at."""
    return _revision(engine) == _scripts().get_current_head()


def is_usable(engine: Engine) -> bool:
    """Whether this version of the shop can work with the database as it is.

    That is the newest revision that the shop knows, and newer ones that only add to it.
    """
    at = _revision(engine)
    if at is None or at in revisions():
        return at == _scripts().get_current_head()
    with engine.connect() as connection:
        return _usable_from(connection) in revisions()


def revisions() -> set[str]:
    """The revisions that this version of the shop knows."""
    return {script.revision for script in _scripts().walk_revisions()}


def has_state(connection: Connection) -> bool:
    """Whether the database has a row about the shop as a whole: from revision 0009 on."""
    return inspect(connection).has_table(STATE)


def _usable_from(connection: Connection) -> str | None:
    if not has_state(connection):
        return None
    found: str = connection.exec_driver_sql(f"SELECT usable_from FROM {STATE}").scalar_one()  # noqa: S608  # nosec B608
    return found


def _revision(engine: Engine) -> str | None:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return None
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))
