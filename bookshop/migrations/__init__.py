"""Bringing the database to this version's schema, with Alembic.

Each revision says whether it is `expand_only`: it adds what the version of the shop before it does
not know and does not miss, so that both may work on the database at once. The database itself
knows the oldest revision that its schema serves, since an older shop cannot read newer revisions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlalchemy.engine import Connection, Engine

# A server asks which revision its database is of, and needs no more: Alembic takes 11 MB and a
# tenth of a second, so it is imported by who migrates.
if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

LOCATION = "bookshop:migrations"
STATE = "shop_state"
VERSIONS = "alembic_version"


class NewerSchemaError(Exception):
    """The database belongs to a newer version of the shop, with which this one cannot work."""


def configuration(engine: Engine) -> Config:
    """Alembic's configuration; there is no alembic.ini, since the shop's INI names the database."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", LOCATION)
    config.attributes["engine"] = engine
    return config


def upgrade(engine: Engine) -> None:
    """Migrate to the newest revision. A database that is there already is left alone.

    Raises NewerSchemaError.
    """
    if pending(engine):
        from alembic import command  # noqa: PLC0415

        command.upgrade(configuration(engine), "head")


def pending(engine: Engine) -> list[Script]:
    """The revisions that the database lacks, the oldest first. Raises NewerSchemaError."""
    at = _revision(engine)
    if at == max(revisions()):
        return []
    if at is not None and at not in revisions():
        if is_usable(engine):
            return []
        raise NewerSchemaError(f"the database is of revision {at}, which is newer than the shop")
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(str(Path(__file__).parent))
    return list(scripts.iterate_revisions("head", at or "base"))[::-1]


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision. It is not made by being looked at."""
    return _revision(engine) == max(revisions())


def is_usable(engine: Engine) -> bool:
    """Whether this version of the shop can work with the database as it is.

    That is the newest revision that the shop knows, and newer ones that only add to it.
    """
    at = _revision(engine)
    if at is None or at in revisions():
        return at == max(revisions())
    with engine.connect() as connection:
        return _usable_from(connection) in revisions()


def revisions() -> set[str]:
    """The revisions that this version of the shop knows: one after the other, they sort so."""
    versions = Path(__file__).parent.joinpath("versions")
    return {file.name.partition("_")[0] for file in versions.glob("[0-9]*.py")}


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
        if not inspect(connection).has_table(VERSIONS):
            return None
        wanted = f"SELECT version_num FROM {VERSIONS}"  # noqa: S608  # nosec B608
        found: str | None = connection.exec_driver_sql(wanted).scalar()
        return found
