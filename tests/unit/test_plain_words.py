"""The project's language: words that docs/glossary.md replaces appear nowhere.

Checked are names, comments and texts of Python, and every line of other files.
"""

import io
import re
import subprocess
import token
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FORBIDDEN = re.compile(
    r"""
    \b(?:
        whoever | whomever | whatsoever | somebody | anybody | nobody | everybody
      | mend(?:s|ed|ing)? | upkeep | told | untold | anew | afresh | errands?
      | postm[ae]n | sweepers? | swept | shel(?:f|ves) | shelving | patience | farewell
      | stands? (?!-) | standing | stood
      | insists? | wish(?:es)? | (?:made|makes?)\ good | by\ (?:itself|himself|themselves)
      | gave\ no\ answer | all\ the\ same | look(?:s|ed)?\ into | is\ over
    )\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: Where one of them is the right word: part of the path, the word, the reason.
EXCEPTIONS = (
    ("catalogue/codes/roles", "told", "the name of role B07 in ONIX list 17"),
    ("tests/unit/test_plain_words.py", None, "the list itself"),
    ("tests/unit/test_migrations.py", "sweeper", "stored by an older version"),
)
#: Written once and not changed afterwards.
UNCHANGED = ("bookshop/migrations/versions/", "bookshop/locale/")
TEXT = (".py", ".md", ".ini", ".cfg", ".toml", ".yml", ".yaml", ".js", ".css", ".jinja2", ".mako")


def project_files():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [
        name
        for name in listed
        if (name.endswith(TEXT) or name in {"Makefile", ".ci/run"} or "starter/{{" in name)
        and not name.startswith(UNCHANGED)
        and (ROOT / name).is_file()
    ]


def python_words(text):
    """Yield line number and text of each name, comment and string; names with their parts apart."""
    for found in tokenize.generate_tokens(io.StringIO(text).readline):
        if found.type == token.NAME:
            parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found.string).replace("_", " ")
            yield found.start[0], parts
        elif found.type in {token.STRING, token.COMMENT}:
            for offset, line in enumerate(found.string.splitlines()):
                yield found.start[0] + offset, line


def lines(name):
    text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
    return python_words(text) if name.endswith(".py") else enumerate(text.splitlines(), 1)


def is_exception(name, word):
    return any(
        part in name and word in {only, word if only is None else only}
        for part, only, _ in EXCEPTIONS
    )


def findings(name):
    return [
        f"{name}:{number}: {match[0]}"
        for number, line in lines(name)
        for match in FORBIDDEN.finditer(line)
        if not is_exception(name, match[0].lower())
    ]


@pytest.mark.parametrize("area", ["bookshop/", "docs/", "tools/", "tests/", ""])
def test_no_word_that_the_glossary_replaces(area):
    areas = ("bookshop/", "docs/", "tools/", "tests/")
    names = [
        name
        for name in project_files()
        if (name.startswith(area) if area else not name.startswith(areas))
    ]
    assert names
    assert [found for name in names for found in findings(name)] == []


@pytest.mark.parametrize(
    "line", ["Whoever pays", "the order stands", "it was mended", "a shelf", "tell_somebody"]
)
def test_forbidden_words_are_found(line):
    assert FORBIDDEN.search(line.replace("_", " "))


@pytest.mark.parametrize("line", ["a stand-in", "standard", "shelfmark", "understand", "recommend"])
def test_similar_words_are_not_found(line):
    assert not FORBIDDEN.search(line)


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=[each[0] for each in EXCEPTIONS])
def test_every_exception_is_still_needed(exception):
    path, only, _reason = exception
    names = [name for name in project_files() if path in name]
    assert any(
        FORBIDDEN.search(line) and (only is None or re.search(only, line, re.IGNORECASE))
        for name in names
        for _number, line in lines(name)
    )
