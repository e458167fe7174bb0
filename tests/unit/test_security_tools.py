"""What SECURITY.md names exists, and the tools of `make security` find what they search for."""

import ast
import re
import subprocess
from pathlib import Path

import find_secrets
import pytest

import bookshop

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", SECURITY)))
# In parts, so that the scan does not find them here.
STRIPE_KEY = "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"


def test_the_threats_have_tests():
    rows = [line for line in SECURITY.partition("## What is not")[0].splitlines() if " | `" in line]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row] == []


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_each_test_that_is_named_is_there(path, name):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_each_module_that_is_named_is_there():
    package = Path(bookshop.__file__).parent
    cells = {
        name
        for line in SECURITY.splitlines()
        if line.count("|") == 6
        for name in re.findall(r"`([\w/]+(?:\.py|/))`", line.split("|")[4])
    }
    assert len(cells) > 12
    assert [
        name for name in cells if not ((package / name).exists() or (ROOT / name).exists())
    ] == []


# --- secrets


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.py", f'KEY = "{STRIPE_KEY}"'),
        ("tests/test_page.py", f'KEY = "{STRIPE_KEY}"'),
        ("key.pem", PRIVATE_KEY),
        ("shop.ini", "bookshop.secret = 5f3a9c0b7e2d41868ac1f09d3b5e7742"),
        ("shop.ini", "sqlalchemy.url = postgresql+psycopg://shop:kjh34Gz9@db/shop"),
    ],
)
def test_a_key_is_found(tmp_path, monkeypatch, name, text):
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# a file\n{text}\n", encoding="utf-8")
    assert any(found.startswith(f"{name}:2: ") for found in find_secrets.secrets_in(name))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shop.ini", "bookshop.secret = ${BOOKSHOP_SECRET}"),
        ("tests/test_page.py", 'secret = "made-up-for-tests-5f3a9c0b7e2d4186"'),
    ],
)
def test_text_without_a_secret_is_not_reported(tmp_path, monkeypatch, name, text):
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    assert find_secrets.secrets_in(name) == []


def test_untracked_files_are_scanned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    for name in ("new.py", "ignored.py", "some.lock"):
        Path(name).touch()
    Path(".gitignore").write_text("ignored.py\n", encoding="utf-8")
    assert sorted(find_secrets.files()) == [".gitignore", "new.py"]
