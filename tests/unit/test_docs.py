"""What README and docs/ name exists: files, tests, links, make targets, commands, settings."""

import ast
import re
from pathlib import Path

import click
import pytest

from bookshop.cli import main
from bookshop.settings import KEYS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
KEYS_TABLE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
#: What a path in a document may be relative to.
BASES = (ROOT, ROOT / "bookshop", ROOT / "bookshop" / "catalogue", ROOT / "docs")
#: Paths on the reader's machine or in a theme, addresses, rates such as 3/hour.
NOT_OURS = re.compile(
    r"^(var|build|/|theme|deploy|secrets|covers|shop-env|\.venv|https?:|\.\.|\d|bookshop\.var|static/logo)"
    r"|[<>{}*…]"
)
SECTIONS = ("bookshop", "stripe", "mail", "limits", "metrics", "sqlalchemy")
OTHER_KEYS = {"bookshop.sandbox", "bookshop.local", "bookshop.sqlite"}


def text_of(document):
    return document.read_text(encoding="utf-8")


def code_of(document):
    """Yield what a document marks as code: lines of blocks, and spans."""
    text = text_of(document)
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    for block in blocks:
        yield from block.splitlines()
    rest = re.sub(r"^ *```\w*\n.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", rest)


def functions(path):
    parsed = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(parsed) if isinstance(node, ast.FunctionDef)}


def document_id(document):
    return document.relative_to(ROOT).as_posix()


def paths_in(document):
    """The paths that a document names as code: with a slash, or with an extension of ours."""
    for span in code_of(document):
        path = span.partition("::")[0]
        named = re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", path)
        if named and ("/" in path or path.endswith(".py")) and not NOT_OURS.search(path):
            yield path


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_path_exists(document):
    missing = [
        path for path in paths_in(document) if not any((base / path).exists() for base in BASES)
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_test_exists(document):
    tests = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text_of(document)))
    assert [name for path, name in sorted(tests) if name not in functions(path)] == []


def test_tests_are_named():
    assert sum("::" in span for document in DOCUMENTS for span in code_of(document)) > 40


def anchors(text):
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_link_leads_somewhere(document):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        path, _hash, anchor = target.partition("#")
        file = (document.parent / path) if path else document
        if not file.exists() or (anchor and anchor not in anchors(text_of(file))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_make_target_exists(document):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    named = {
        match[1]
        for span in code_of(document)
        if (match := re.match(r"(?:\$ )?make ([a-z][\w-]*)", span.strip()))
    }
    assert named - targets == set()


def command_of(words):
    """The click command that the words call, and the words that are left."""
    command, left = main, list(words)
    while left and isinstance(command, click.Group):
        name = left.pop(0)
        if name.startswith("--"):
            if name == "--config":
                left.pop(0)
            continue
        command = command.commands[name]
    return command, left


def calls_in(document):
    """The words behind `bookshop` in each call of the command line."""
    for span in code_of(document):
        line = span.partition("#")[0]
        for call in re.findall(r"(?:^|[\s/])bookshop ((?:--config \S+ )?[a-z][^|&;>`]*)", line):
            words = call.split()
            at = 2 if words[0] == "--config" else 0
            if len(words) > at:
                yield words


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_command_and_option_exists(document):
    wrong = []
    for words in calls_in(document):
        try:
            command, left = command_of(words)
        except KeyError:
            wrong.append(" ".join(words))
            continue
        known = {option for each in command.params for option in each.opts} | {"--help"}
        wrong += [
            f"{' '.join(words)}: {word}"
            for word in left
            if word.startswith("--") and word.partition("=")[0].strip("[]") not in known
        ]
    assert wrong == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=document_id)
def test_every_setting_exists(document):
    named = {
        match[1]
        for span in code_of(document)
        if (match := re.fullmatch(rf"((?:{'|'.join(SECTIONS)})\.[a-z_]+)(?: ?=.*)?", span.strip()))
    }
    files = {key.removesuffix("_file") for key in named if key.endswith("_file")}
    named = {key for key in named if not key.endswith("_file")} | files
    assert named - set(KEYS) - OTHER_KEYS == set()


@pytest.mark.parametrize(("name", "key"), KEYS.items(), ids=list(KEYS))
def test_every_setting_is_explained_with_its_default(name, key):
    (row,) = [line for line in KEYS_TABLE.splitlines() if re.match(rf"\|[^|]*`{name}`", line)]
    if key.default and key.default != "development":
        assert f"`{key.default}`" in row.split("|")[3]
    assert not key.secret or "secret" in row.split("|")[4]


@pytest.mark.parametrize("name", KEYS)
def test_production_ini_names_every_setting(name):
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
