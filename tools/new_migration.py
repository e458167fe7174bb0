"""Write the migration between the models and a database that is at the newest revision."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL

from bookshop import migrations
from bookshop.db import make_engine


def main() -> None:
    """Take the migration's description from the command line."""
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(URL.create("sqlite", database=str(Path(folder) / "shop.sqlite")))
        migrations.upgrade(engine)
        configuration = migrations.configuration(engine)
        newest = ScriptDirectory.from_config(configuration).get_current_head() or "0"
        number = f"{int(newest) + 1:04}"
        command.revision(configuration, sys.argv[1], rev_id=number, autogenerate=True)
        engine.dispose()


if __name__ == "__main__":
    main()
