"""What the documents name is there."""

import ast
import re
from pathlib import Path

import pytest

from bookshop.settings import KEYS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))


KEYS_TABLE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def named(pattern):
    for document in DOCUMENTS:
        yield from re.findall(pattern, document.read_text(encoding="utf-8"))


def functions(path):
    parsed = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(parsed) if isinstance(node, ast.FunctionDef)}


def test_every_file_that_is_named_is_there():
    files = set(named(r"\b((?:bookshop|tests|tools)/[\w/]+\.py)"))
    assert len(files) > 20
    assert [file for file in sorted(files) if not (ROOT / file).is_file()] == []


def test_every_test_that_is_named_is_there():
    tests = set(named(r"`(tests/[\w/]+\.py)::(\w+)`"))
    assert len(tests) > 20
    assert [name for path, name in sorted(tests) if name not in functions(path)] == []


@pytest.mark.parametrize(("name", "key"), KEYS.items(), ids=list(KEYS))
def test_every_setting_is_explained_with_its_default(name, key):
    (row,) = [line for line in KEYS_TABLE.splitlines() if re.match(rf"\|[^|]*`{name}`", line)]
    if key.default and key.default != "development":
        assert f"`{key.default}`" in row.split("|")[3]
    assert not key.secret or "secret" in row.split("|")[4]


@pytest.mark.parametrize("name", KEYS)
def test_production_ini_says_every_setting_of_the_shop(name):
    left_alone = {"mail.folder", "stripe.api_base", "stripe.js_url"}
    ini = (ROOT / "production.ini").read_text(encoding="utf-8")
    assert (f"\n{name} = " in ini) is (name not in left_alone)


@pytest.mark.parametrize("number", range(1, 13))
def test_every_one_of_the_twelve_bugs_has_a_guard_and_a_test(number):
    text = (ROOT / "docs" / "money.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {number}\. .*$", text, re.MULTILINE)
    _, bug, guard, tests, _ = (cell.strip() for cell in row.split("|"))
    assert bug
    assert "`bookshop/" in guard
    assert "`tests/" in tests
