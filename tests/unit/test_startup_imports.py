"""A server does not load modules that it does not use: they take time and memory."""

import json
import subprocess
import sys

from bookshop import migrations
from tests.shops import ini

# Used by commands, imports and migrations only.
NOT_SERVING = (
    *("alembic", "click", "cookiecutter", "lxml", "mako", "nh3", "PIL"),
    *("bookshop.cli", "bookshop.sandbox", "bookshop.starter", "bookshop.ops.backup"),
    *("bookshop.ops.check", "bookshop.ops.privacy", "bookshop.catalogue.importing.onix"),
)
PROGRAM = """
import json, sys
import bookshop
bookshop.main({}, **json.loads(sys.argv[1]))
json.dump(sorted(sys.modules), sys.stdout)
"""


def test_a_server_loads_no_modules_of_commands_and_imports(tmp_path, sqlite_url):
    changes = {"bookshop__environment": "staging", "sqlalchemy__url": str(sqlite_url)}
    section = json.dumps(ini(tmp_path, "http://localhost:1", **changes))
    command = [sys.executable, "-c", PROGRAM, section]
    loaded = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert "bookshop.checkout.views" in loaded
    assert [name for name in NOT_SERVING if name in loaded] == []


def test_revisions_are_in_alphabetical_order():
    from alembic.script import ScriptDirectory

    scripts = list(ScriptDirectory("bookshop/migrations").walk_revisions())
    assert [script.revision for script in scripts] == sorted(migrations.revisions(), reverse=True)
