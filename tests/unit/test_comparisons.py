"""What an attacker would guess is compared in constant time, read off the source."""

import ast
import re
from pathlib import Path

import pytest

import bookshop

PACKAGE = Path(bookshop.__file__).parent
SECRET = re.compile(
    r"(?:^|_)(?:secrets?|tokens?|signatures?|sig|digests?|hmac|mac|password|api_?key|secret_key)"
    r"(?:$|_(?:key|bytes|hash|value)$)",
    re.IGNORECASE,
)
# Where a digest tells whether a file or a row has changed.
NO_SECRETS = tuple(f"catalogue/importing/{name}.py" for name in ("changes", "importer", "runs"))
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if "starter" not in path.parts and str(path.relative_to(PACKAGE)) not in NO_SECRETS
)


def names(node):
    """What an operand is called: of `a.secret.encode()` secret, of `form["token"]` token."""
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Attribute(value=value, attr=name):
            yield name
            yield from names(value)
        case ast.Call(func=func):
            yield from names(func)
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))):
            yield name
            yield from names(value)
        case ast.Subscript(value=value):
            yield from names(value)


def guessable(source):
    """Lines that compare a secret with ==, or look whether it is among others."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        constant = any(isinstance(side, ast.Constant) for side in sides)
        by_value = any(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops)
        if by_value and not constant and any(SECRET.search(n) for s in sides for n in names(s)):
            yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_secret_is_compared_byte_by_byte(path):
    assert list(guessable(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "given == settings.token",
        "intent.client_secret.reveal() != secret",
        "form['csrf_token'] == expected",
        "signature == made",
        "digest(body) == wanted",
    ],
)
def test_a_guessable_comparison_is_found(source):
    assert list(guessable(source)) == [1]


@pytest.mark.parametrize(
    "source", ["token is None", "secret == ''", "hmac.compare_digest(a, token)", "tokens > 5"]
)
def test_other_comparisons_are_not_found(source):
    assert list(guessable(source)) == []
