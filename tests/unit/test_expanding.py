"""Schema revisions that an older version of the shop can use."""

import ast
import inspect

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import text

from bookshop import migrations
from bookshop.db import WRITES, make_engine

SCRIPTS = list(ScriptDirectory("bookshop/migrations").walk_revisions())
# Operations that an older version can ignore: new tables, and columns with a default.
ADDING = {"create_table", "create_index", "add_column", "bulk_insert", "f"}
NEWER = '''"""{revision}."""
import sqlalchemy as sa
from alembic import op
revision = "{revision}"
down_revision = "{before}"
expand_only = {expand_only}
def upgrade(): op.create_table("t{revision}", sa.Column("id", sa.Integer()))
def downgrade(): op.drop_table("t{revision}")
'''


@pytest.fixture
def migrate_beyond(engine, tmp_path):
    """Migrates the database as a newer version would: one revision for each `expand_only`."""

    def migrate(*expand_only):
        before = ScriptDirectory("bookshop/migrations").get_current_head()
        for number, expands in enumerate(expand_only, start=9000):
            script = NEWER.format(revision=number, before=before, expand_only=expands)
            (tmp_path / f"{number}_newer.py").write_text(script)
            before = number
        config = migrations.configuration(engine)
        folders = f"{migrations.LOCATION}/versions {tmp_path}"
        config.set_main_option("version_locations", folders)
        config.set_main_option("path_separator", "space")
        command.upgrade(config, "head")
        return config

    return migrate


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.revision)
def test_every_revision_states_expand_only(script):
    assert isinstance(script.module.expand_only, bool)


def only_adds(upgrade):
    """Return True if an upgrade only adds, and adds no column that older shops must fill."""
    tree = ast.parse(inspect.getsource(upgrade))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner, name = node.func.value, node.func.attr
            if isinstance(owner, ast.Name) and owner.id != "sa" and name not in ADDING:
                return False
            if name == "add_column":
                column = {word.arg: word.value for each in node.args[1:] for word in each.keywords}
                if not ("server_default" in column or ast.unparse(column["nullable"]) == "True"):
                    return False
    return True


@pytest.mark.parametrize(
    "script", [each for each in SCRIPTS if each.module.expand_only], ids=lambda each: each.revision
)
def test_expanding_revisions_remove_nothing(script):
    assert only_adds(script.module.upgrade)


def test_revisions_that_remove_something_are_detected():
    by_number = {script.revision: script.module for script in SCRIPTS}
    assert not only_adds(by_number["0002"].upgrade)
    assert not only_adds(by_number["0005"].upgrade)


def test_an_older_shop_can_use_an_expanded_schema(engine, migrate_beyond):
    migrate_beyond(True, True)
    assert migrations.is_usable(engine)
    assert migrations.pending(engine) == []
    migrations.upgrade(engine)


@pytest.mark.parametrize("expand_only", [(False,), (True, False), (False, True)])
def test_an_older_shop_refuses_a_schema_that_is_not_only_expanded(
    engine, migrate_beyond, expand_only
):
    migrate_beyond(*expand_only)
    assert not migrations.is_usable(engine)
    with pytest.raises(migrations.NewerSchemaError, match="900"):
        migrations.upgrade(engine)


def test_a_downgraded_schema_is_usable_again(engine, migrate_beyond):
    config = migrate_beyond(False)
    command.downgrade(config, "-1")
    assert migrations.is_usable(engine)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT usable_from FROM shop_state")).scalar_one()
    assert found in migrations.revisions()


def test_an_unknown_revision_is_not_usable(engine):
    with engine.execution_options(**{WRITES: True}).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'abcd'"))
        connection.execute(text("DROP TABLE shop_state"))
    assert not migrations.is_usable(engine)


def test_checking_creates_no_database(tmp_path, sqlite_url):
    engine = make_engine(sqlite_url.set(database=str(tmp_path / "none.sqlite")))
    assert not migrations.is_usable(engine)
    assert len(migrations.pending(engine)) == len(SCRIPTS)
    assert not (tmp_path / "none.sqlite").exists()
