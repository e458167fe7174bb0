"""Write the migration between the models and a database that is at the newest revision."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.operations.ops import MigrationScript
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from bookshop import migrations
from bookshop.db import make_engine

NOTHING = "Nothing to migrate: the newest revision has all tables and columns of the models."


def leave_out_empty(_context: object, _revision: object, scripts: list[MigrationScript]) -> None:
    """Write no migration that changes nothing."""
    scripts[:] = [each for each in scripts if each.upgrade_ops and not each.upgrade_ops.is_empty()]


def main() -> None:
    """Take the migration's description from the command line."""
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(URL.create("sqlite", database=str(Path(folder) / "shop.sqlite")))
        migrations.upgrade(engine)
        configuration = migrations.configuration(engine)
        newest = ScriptDirectory.from_config(configuration).get_current_head() or "0"
        written = command.revision(
            configuration,
            sys.argv[1],
            rev_id=f"{int(newest) + 1:04}",
            autogenerate=True,
            process_revision_directives=leave_out_empty,
        )
        engine.dispose()
    if not written:
        print(NOTHING)


if __name__ == "__main__":
    main()
