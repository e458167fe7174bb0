"""Migrations of the database schema, with Alembic.

A revision is `expand_only` if it only adds to the schema, so that the previous version of the shop
can use the database at the same time. The database stores the oldest revision that its schema is
compatible with, since an older shop does not have the newer revisions' files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlalchemy.engine import Connection, Engine

# Alembic takes 11 MB and a tenth of a second to import, and a server needs only the revision of its
# database: functions that migrate import Alembic themselves.
if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

LOCATION = "bookshop:migrations"
STATE = "shop_state"
VERSIONS = "alembic_version"


class NewerSchemaError(Exception):
    """The database belongs to a newer version of the shop, and this version cannot use it."""


def configuration(engine: Engine) -> Config:
    """Return Alembic's configuration. No alembic.ini is needed: the shop's INI has the URL."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", LOCATION)
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> None:
    """Migrate to the newest revision; change nothing if there is nothing to migrate.

    Raises NewerSchemaError.
    """
    if pending(engine):
        from alembic import command  # noqa: PLC0415

        command.upgrade(configuration(engine), "head")


def pending(engine: Engine) -> list[Script]:
    """Return the revisions that the database lacks, oldest first. Raises NewerSchemaError."""
    current = _revision(engine)
    if current == max(revisions()):
        return []
    if current is not None and current not in revisions():
        if is_usable(engine):
            return []
        message = f"the database has revision {current}, which is newer than this shop"
        raise NewerSchemaError(message)
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(str(Path(__file__).parent))
    return list(scripts.iterate_revisions("head", current or "base"))[::-1]


def is_usable(engine: Engine) -> bool:
    """True if this version of the shop can use the database.

    Its revision is the newest of this version, or a later one that is compatible with it.
    """
    current = _revision(engine)
    if current is None or current in revisions():
        return current == max(revisions())
    with engine.connect() as connection:
        return _usable_from(connection) in revisions()


def revisions() -> set[str]:
    """Return the revisions of this version of the shop; they sort in the order of migration."""
    versions = Path(__file__).parent.joinpath("versions")
    return {file.name.partition("_")[0] for file in versions.glob("[0-9]*.py")}


def has_state(connection: Connection) -> bool:
    """True if the database has the table of the shop's state, which revision 0009 added."""
    return inspect(connection).has_table(STATE)


def _usable_from(connection: Connection) -> str | None:
    if not has_state(connection):
        return None
    query = f"SELECT usable_from FROM {STATE}"  # noqa: S608  # nosec B608
    revision: str = connection.exec_driver_sql(query).scalar_one()
    return revision


def _revision(engine: Engine) -> str | None:
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        return None
    with engine.connect() as connection:
        if not inspect(connection).has_table(VERSIONS):
            return None
        query = f"SELECT version_num FROM {VERSIONS}"  # noqa: S608  # nosec B608
        revision: str | None = connection.exec_driver_sql(query).scalar()
        return revision
